// What a service or Grafana's data source does through clickhouse-go over HTTP. Run by drivers.test.ts.
package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/ext"
)

func must(err error, what string) {
	if err != nil {
		fmt.Println("wrong:", what, err)
		os.Exit(1)
	}
}

func open(addr, user, password string, compression clickhouse.CompressionMethod) clickhouse.Conn {
	var none *tls.Config
	conn, err := clickhouse.Open(&clickhouse.Options{
		Addr:        []string{addr},
		Protocol:    clickhouse.HTTP,
		TLS:         none,
		Auth:        clickhouse.Auth{Database: "default", Username: user, Password: password},
		Settings:    clickhouse.Settings{"max_execution_time": 60},
		Compression: &clickhouse.Compression{Method: compression},
		DialTimeout: 10 * time.Second,
	})
	must(err, "open")
	return conn
}

// What Grafana's data source asks through database/sql: what there is, and every view in whatever types it has.
func browse(addr, password, database string) {
	db := clickhouse.OpenDB(&clickhouse.Options{
		Addr:     []string{addr},
		Protocol: clickhouse.HTTP,
		Auth:     clickhouse.Auth{Database: database, Username: "data", Password: password},
		Settings: clickhouse.Settings{"max_execution_time": 60},
	})
	defer db.Close()
	must(db.Ping(), "ping")
	read := func(query string) (all [][]any) {
		rows, err := db.Query(query)
		must(err, query)
		defer rows.Close()
		columns, err := rows.Columns()
		must(err, query)
		for rows.Next() {
			row, into := make([]any, len(columns)), make([]any, len(columns))
			for i := range row {
				into[i] = &row[i]
			}
			must(rows.Scan(into...), query)
			all = append(all, row)
		}
		must(rows.Err(), query)
		return all
	}
	read("SHOW DATABASES")
	read("SHOW TABLES FROM \"" + database + "\"")
	read("SELECT name, is_aggregate, case_insensitive, alias_to, origin, description, syntax, arguments, returned_value, examples, categories FROM system.functions LIMIT 10000")
	read("SELECT name, type, table FROM system.columns WHERE database IN ('" + database + "')")
	views := read("SELECT name FROM system.tables WHERE database = '" + database + "' AND engine = 'View'")
	if len(views) < 30 {
		must(fmt.Errorf("%d", len(views)), "views")
	}
	for _, view := range views {
		name := fmt.Sprintf("\"%s\".\"%s\"", database, view[0])
		if len(read("DESC TABLE "+name)) == 0 {
			must(fmt.Errorf("no columns"), name)
		}
		read("SELECT * FROM " + name + " LIMIT 100")
	}
}

func main() {
	addr, password, database := os.Args[1], os.Args[2], os.Args[3]
	ctx := context.Background()
	for _, method := range []clickhouse.CompressionMethod{clickhouse.CompressionNone, clickhouse.CompressionLZ4, clickhouse.CompressionZSTD, clickhouse.CompressionGZIP} {
		conn := open(addr, "data", password, method)
		must(conn.Ping(ctx), "ping "+method.String())
		version, err := conn.ServerVersion()
		must(err, "version")
		if version.Version.Major < 20 {
			must(fmt.Errorf("%v", version), "version")
		}
		var count, sum uint64
		must(conn.QueryRow(ctx, "SELECT count(), sum(number) FROM numbers(10) WHERE number > ?", 3).Scan(&count, &sum), "parameters")
		if count != 6 || sum != 39 {
			must(fmt.Errorf("%d %d", count, sum), "parameters")
		}
		rows, err := conn.Query(ctx, "SELECT number, toString(number), toNullable(number), [number], map('a', number), toLowCardinality('x'), now64(3) FROM numbers(200000)")
		must(err, "a big result")
		var total uint64
		for rows.Next() {
			var n, inList uint64
			var s, low string
			var maybe *uint64
			var list []uint64
			var pairs map[string]uint64
			var at time.Time
			must(rows.Scan(&n, &s, &maybe, &list, &pairs, &low, &at), "scan")
			inList = list[0]
			total += n + inList + pairs["a"] + *maybe
		}
		must(rows.Err(), "rows")
		if total != 4*200000*199999/2 {
			must(fmt.Errorf("%d", total), "a big result")
		}
		var views uint64
		must(conn.QueryRow(ctx, "SELECT count() FROM system.tables WHERE database = {db:String}", clickhouse.Named("db", database)).Scan(&views), "list")
		if err := conn.Exec(ctx, "DROP TABLE "+database+".signal_log"); err == nil || !strings.Contains(err.Error(), "read") {
			must(fmt.Errorf("%v", err), "a reader that drops")
		}
		table, err := ext.NewTable("wanted", ext.Column("id", "UInt64"), ext.Column("name", "String"))
		must(err, "external table")
		for i := 0; i < 200; i++ {
			must(table.Append(uint64(i), fmt.Sprint("n", i)), "append")
		}
		with := clickhouse.Context(ctx, clickhouse.WithExternalTable(table))
		must(conn.QueryRow(with, "SELECT count() FROM wanted WHERE name LIKE 'n1%'").Scan(&count), "external table")
		if count != 111 {
			must(fmt.Errorf("%d", count), "external table")
		}
		must(conn.Close(), "close")

		writer := open(addr, "dbt", password, method)
		must(writer.Exec(ctx, "CREATE DATABASE IF NOT EXISTS lab"), "create database")
		must(writer.Exec(ctx, "CREATE OR REPLACE TABLE lab.g (n UInt64, s String) ENGINE = MergeTree ORDER BY n"), "create")
		batch, err := writer.PrepareBatch(ctx, "INSERT INTO lab.g (n, s)")
		must(err, "batch")
		for i := 0; i < 1000; i++ {
			must(batch.Append(uint64(i), "s"), "append")
		}
		must(batch.Send(), "send "+method.String())
		must(writer.QueryRow(ctx, "SELECT count() FROM lab.g").Scan(&count), "count")
		if count != 1000 {
			must(fmt.Errorf("%d", count), "batch")
		}
		must(writer.Close(), "close")
	}
	browse(addr, password, database)
	fmt.Println("clickhouse-go ok")
}
