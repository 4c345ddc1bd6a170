{{ config(materialized='view') }} SELECT * FROM {{ ref('signals_by_type') }} WHERE signals > 0
