SELECT * FROM {{ source('perennial', 'retention_by_currency') }}
