-- What came, grew, shrank and went is the difference between end and start. An amount that is NULL is that of customers of whom
-- none is known: they are in no other amount either.
SELECT period, month, ifNull(arr_start, 0) + ifNull(arr_new, 0) + ifNull(arr_reactivated, 0) + ifNull(arr_expansion, 0) - ifNull(arr_contraction, 0)
    - ifNull(arr_churned, 0) AS expected, ifNull(arr_end, 0) AS found
FROM {{ ref('retention_periods') }}
WHERE abs(expected - found) > 0.01 + 1e-9 * abs(found)
