SELECT * FROM {{ source('perennial', 'renewals') }}
