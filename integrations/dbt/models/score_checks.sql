SELECT * FROM {{ source('perennial', 'score_outcomes') }}
