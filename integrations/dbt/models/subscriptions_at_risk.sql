SELECT
    r.account_id AS account_id, r.subscription_id AS subscription_id, r.as_of AS as_of, r.band AS band, r.risk AS risk,
    r.renewal_probability AS renewal_probability, r.renewal AS renewal, r.currency AS currency, r.arr AS arr, r.arr_at_risk AS arr_at_risk,
    r.arr_at_risk_reporting AS arr_at_risk_reporting, s.owner AS owner, s.product AS product, s.plan AS plan, r.segment AS segment
FROM {{ source('perennial', 'risks') }} AS r
LEFT JOIN {{ source('perennial', 'subscriptions') }} AS s
    ON s.account_id = r.account_id AND s.subscription_id = r.subscription_id
