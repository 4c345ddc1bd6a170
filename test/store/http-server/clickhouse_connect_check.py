"""What a data team does with clickhouse-connect, unchanged, against `perennial clickhouse`. Run by python.test.ts."""

import datetime
import sys

import clickhouse_connect

host, port, user, password, reader = sys.argv[1:6]
ROWS = 3_000


def rows():
    at = datetime.datetime(2026, 1, 1)
    return [[i, f"näme {i}", at, None if i % 3 else i * 1.5, ["a", "b'"], {"k": str(i)}, "low"] for i in range(ROWS)]


for options in ({}, {"compress": False}, {"compress": "zstd"}, {"compress": "gzip"}, {"autogenerate_session_id": False}):
    client = clickhouse_connect.get_client(host=host, port=int(port), username=user, password=password, **options)
    client.command("DROP TABLE IF EXISTS t")
    client.command(
        "CREATE TABLE t (id UInt64, name String, at DateTime64(3), x Nullable(Float64), list Array(String), "
        "map Map(String, String), low LowCardinality(String)) ENGINE = MergeTree ORDER BY id"
    )
    names = ["id", "name", "at", "x", "list", "map", "low"]
    summary = client.insert("t", rows(), column_names=names)
    assert summary.written_rows == ROWS, summary.summary
    result = client.query("SELECT * FROM t WHERE id < {n:UInt64} ORDER BY id", parameters={"n": 100})
    assert [list(row) for row in result.result_rows] == rows()[:100]
    assert client.query("SELECT count(), sum(id) FROM t").result_rows == [(ROWS, ROWS * (ROWS - 1) // 2)]
    with client.query_row_block_stream("SELECT number FROM numbers(100000)") as stream:
        assert sum(len(block) for block in stream) == 100_000
    client.raw_insert("t", ["id", "name"], b"900001\tx\n", fmt="TabSeparated")
    assert client.raw_query("SELECT name FROM t WHERE id = 900001", fmt="CSV") == b'"x"\n'
    assert client.query("SELECT 1", settings={"max_block_size": 1000}).result_rows == [(1,)]
    try:
        client.query("SELECT * FROM nowhere")
        raise SystemExit("a missing table went unnoticed")
    except clickhouse_connect.driver.exceptions.DatabaseError as error:
        assert "UNKNOWN_TABLE" in str(error), error
    client.close()

client = clickhouse_connect.get_client(host=host, port=int(port), username=reader, password=password)
assert client.query("SELECT count() FROM t").result_rows == [(ROWS + 1,)]
try:
    client.command("TRUNCATE TABLE t")
    raise SystemExit("a reader could truncate")
except clickhouse_connect.driver.exceptions.DatabaseError as error:
    assert "READONLY" in str(error), error
print("clickhouse-connect", clickhouse_connect.__version__ if hasattr(clickhouse_connect, "__version__") else "", "ok")
