"""What a data team does with clickhouse-connect, unchanged, against `perennial clickhouse`. Run by drivers.test.ts."""

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

# As Superset and notebooks ask: through SQLAlchemy, with many values, and with tables of their own.
import sqlalchemy

wanted = [f"näme {i}" for i in range(0, 20_000, 100)]
assert client.query("SELECT count() FROM t WHERE name IN {names:Array(String)}", parameters={"names": wanted}).result_rows == [
    (30,)
]
form = clickhouse_connect.get_client(
    host=host, port=int(port), username=reader, password=password, form_encode_query_params=True
)
names = [f"name {i}" for i in range(20_000)]
assert form.query("SELECT length({names:Array(String)})", parameters={"names": names}).result_rows == [(20_000,)]
external = clickhouse_connect.driver.external.ExternalData(
    file_name="wanted.csv", fmt="CSV", structure=["id UInt64", "why String"], data=b'1,"a"\n2,"b"\n'
)
rows_of_both = client.query(
    "SELECT why, name FROM wanted INNER JOIN t USING (id) ORDER BY id", external_data=external
).result_rows
assert rows_of_both == [("a", "näme 1"), ("b", "näme 2")], rows_of_both

engine = sqlalchemy.create_engine(
    f"clickhousedb://{reader}@{host}:{port}/default", connect_args={"password": password}
)
inspector = sqlalchemy.inspect(engine)
assert "default" in inspector.get_schema_names()
assert "t" in inspector.get_table_names(schema="default"), inspector.get_table_names(schema="default")
assert [column["name"] for column in inspector.get_columns("t", schema="default")][:2] == ["id", "name"]
with engine.connect() as connection:
    assert connection.execute(sqlalchemy.text("SELECT count() FROM t WHERE id < :n"), {"n": 10}).scalar() == 10
    t = sqlalchemy.Table("t", sqlalchemy.MetaData(), autoload_with=engine)
    query = sqlalchemy.select(sqlalchemy.func.count()).select_from(t).where(t.c.name == "näme 7")
    assert connection.execute(query).scalar() == 1
    try:
        connection.execute(sqlalchemy.text("SELECT * FROM nowhere"))
        raise SystemExit("a missing table went unnoticed")
    except sqlalchemy.exc.DatabaseError as error:
        assert "UNKNOWN_TABLE" in str(error), error
print("sqlalchemy", sqlalchemy.__version__, "ok")
