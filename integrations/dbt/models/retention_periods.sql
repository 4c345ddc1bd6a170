SELECT * FROM {{ source('perennial', 'retention') }}
