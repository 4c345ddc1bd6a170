SELECT * FROM {{ source('perennial', 'decisions_by_rule') }}
