-- What came, grew, shrank and went is the difference between end and start.
SELECT period, month, arr_start + arr_new + arr_reactivated + arr_expansion - arr_contraction - arr_churned AS expected, arr_end
FROM {{ ref('retention_periods') }}
WHERE abs(expected - arr_end) > 0.01 + 1e-9 * abs(arr_end)
