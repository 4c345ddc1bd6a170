SELECT * FROM {{ source('perennial', 'customer_retention') }}
