SELECT
    account_id,
    min(began_at) AS customer_since,
    countIf(ended_at IS NULL) AS contracts,
    argMax(segment, began_at) AS segment,
    sumOrNullIf(arr_reporting, ended_at IS NULL) AS known_arr_reporting,
    countIf(ended_at IS NULL AND arr_reporting IS NULL) AS contracts_not_known
FROM {{ source('perennial', 'contract_periods') }}
GROUP BY account_id
