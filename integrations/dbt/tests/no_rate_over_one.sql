SELECT month, 'grr' AS rate FROM {{ ref('retention_periods') }} WHERE grr > 1
UNION ALL
SELECT month, 'gross_renewal_rate' AS rate FROM {{ ref('renewal_months') }} WHERE gross_renewal_rate > 1 OR logo_renewal_rate > 1
