-- Every currency with its decimals, and its rate into the reporting currency.
CREATE OR REPLACE VIEW currencies AS
SELECT currency, exponent, toNullable(minor_units) AS minor_units, rate, reporting, stored_at FROM currency_state FINAL;
