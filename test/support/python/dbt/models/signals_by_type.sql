SELECT type, count() AS signals FROM {{ source('perennial', 'signals') }} GROUP BY type
