{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key=['account_id', 'subscription_id', 'day'],
          order_by='(account_id, subscription_id, day)') }}
SELECT
    account_id, subscription_id, toDate(as_of) AS day, argMax(band, as_of) AS band, argMax(tuple(risk), as_of).1 AS risk,
    argMax(tuple(renewal_probability), as_of).1 AS renewal_probability, argMax(tuple(arr_at_risk_reporting), as_of).1 AS arr_at_risk_reporting
FROM {{ source('perennial', 'risk_history') }}
{% if is_incremental() %}
WHERE as_of >= (SELECT toDateTime64(max(day), 3, 'UTC') FROM {{ this }})
{% endif %}
GROUP BY account_id, subscription_id, day
