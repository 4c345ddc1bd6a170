{{ config(materialized='view') }}
SELECT * FROM {{ source('perennial', 'renewal_forecast') }}
