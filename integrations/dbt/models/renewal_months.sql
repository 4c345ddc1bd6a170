SELECT * FROM {{ source('perennial', 'renewal_rates') }}
