SELECT * FROM {{ source('perennial', 'cohort_retention') }}
