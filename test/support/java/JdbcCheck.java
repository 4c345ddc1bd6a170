import java.sql.*;
import java.util.*;
import java.util.concurrent.*;

/** What a SQL tool does through ClickHouse's JDBC driver with its own defaults. Run by drivers.test.ts. */
public class JdbcCheck {
  public static void main(String[] args) throws Exception {
    String url = args[0], password = args[1];
    reader(url, password, args[2]);
    browser(url, password, args[2]);
    writer(url, password);
    System.out.println("jdbc ok " + DriverManager.getDriver(url).getMajorVersion() + "." + DriverManager.getDriver(url).getMinorVersion());
    System.exit(0);
  }

  static void reader(String url, String password, String database) throws Exception {
    for (String compress : new String[] {"", "?compress=false"}) {
      try (Connection connection = DriverManager.getConnection(url + compress, "data", password)) {
        DatabaseMetaData about = connection.getMetaData();
        must(about.getDatabaseProductName().equals("ClickHouse"), "product");
        must(list(about.getSchemas(), "TABLE_SCHEM").contains(database), "schemas");
        must(list(about.getTables(null, database, "%", null), "TABLE_NAME").contains("signals"), "tables");
        must(list(about.getColumns(null, database, "signals", "%"), "COLUMN_NAME").contains("account_id"), "columns");
        try (Statement statement = connection.createStatement()) {
          ResultSet one = statement.executeQuery("SELECT 1 AS a, 'x' AS b, now() AS c, [1, 2] AS d, toDecimal64(1.5, 2) AS e");
          must(one.next() && one.getInt("a") == 1 && one.getString("b").equals("x") && one.getTimestamp("c") != null, "values");
        }
        try (PreparedStatement prepared = connection.prepareStatement("SELECT number FROM numbers(100) WHERE number > ? AND toString(number) != ?")) {
          prepared.setInt(1, 97);
          prepared.setString(2, "it's");
          ResultSet rows = prepared.executeQuery();
          int count = 0;
          while (rows.next()) count++;
          must(count == 2, "parameters");
        }
        try (Statement statement = connection.createStatement()) {
          ResultSet rows = statement.executeQuery("SELECT number, toString(number) AS s FROM numbers(300000)");
          long sum = 0;
          while (rows.next()) sum += rows.getLong(1) + rows.getString(2).length();
          must(sum == 300000L * 299999 / 2 + 1688890, "a big result: " + sum);
        }
        try (Statement statement = connection.createStatement()) {
          statement.setQueryTimeout(60);
          statement.setMaxRows(10);
          statement.executeQuery("SELECT count() FROM " + database + ".risks").next();
        }
        refused(connection, "SELECT * FROM nowhere", "nowhere");
        refused(connection, "INSERT INTO " + database + ".signal_log (account_id) VALUES ('x')", "read");
        cancel(connection);
      }
    }
  }

  /** What DBeaver asks in a session of its own, set to read-only, when a database is opened in its tree: statements of its ClickHouse plugin. */
  static void browser(String url, String password, String database) throws Exception {
    Properties properties = new Properties();
    properties.put("user", "data");
    properties.put("password", password);
    properties.put("clickhouse_setting_session_id", "sess_" + UUID.randomUUID());
    properties.put("use_time_zone", "Europe/Berlin");
    properties.put("ignore_unknown_config_key", "true");
    try (Connection connection = DriverManager.getConnection(url, properties)) {
      try (Statement statement = connection.createStatement()) {
        statement.execute("SET readonly=1");
        must(list(statement.executeQuery("SHOW DATABASES"), "name").contains(database), "databases");
        must(list(statement.executeQuery("SELECT name FROM system.table_engines"), "name").contains("MergeTree"), "engines");
      }
      try (PreparedStatement tables = connection.prepareStatement(
          "SELECT name as TABLE_NAME, engine as TABLE_TYPE, database as TABLE_SCHEM,comment as REMARKS, * FROM system.tables\nWHERE database = ? and name=?")) {
        tables.setString(1, database);
        tables.setString(2, "risks");
        ResultSet row = tables.executeQuery();
        must(row.next() && row.getString("TABLE_TYPE").equals("View") && !row.getString("REMARKS").isEmpty(), "a view with its comment");
      }
      try (PreparedStatement sizes = connection.prepareStatement(
          "select table,sum(bytes) as table_size, sum(rows) as table_rows, max(modification_time) as latest_modification,min(min_date) AS min_date,"
              + "max(max_date) AS max_date,any(engine) as engine\nFROM system.parts\nWHERE database=? AND active\nGROUP BY table")) {
        sizes.setString(1, database);
        must(list(sizes.executeQuery(), "table").contains("signal_log"), "sizes of tables");
      }
      DatabaseMetaData about = connection.getMetaData();
      ResultSet column = about.getColumns(null, database, "risks", "band");
      must(column.next() && !column.getString("REMARKS").isEmpty(), "a column with its comment");
      must(about.getTypeInfo().next() && about.getTableTypes().next(), "types");
      must(list(about.getPrimaryKeys(null, database, "signal_log"), "COLUMN_NAME").contains("account_id"), "the sorting key");
      about.getIndexInfo(null, database, "signal_log", false, true).close();
      about.getImportedKeys(null, database, "signal_log").close();
      about.getProcedures(null, database, "%").close();
      must(list(about.getTables(null, database, "%", new String[] {"VIEW"}), "TABLE_NAME").size() > 30, "views");
      for (String view : new String[] {"signals", "subscriptions", "outcomes", "risks", "decisions", "features_current", "contract_periods"}) {
        try (Statement statement = connection.createStatement()) {
          statement.execute("SHOW CREATE TABLE " + database + "." + view);
          statement.setMaxRows(200);
          ResultSet rows = statement.executeQuery("SELECT * FROM " + database + "." + view);
          int columns = rows.getMetaData().getColumnCount();
          while (rows.next())
            for (int i = 1; i <= columns; i++)
              must(rows.wasNull() || rows.getObject(i) == null || rows.getString(i) != null, "a value of " + view);
        }
      }
    }
  }

  static void writer(String url, String password) throws Exception {
    try (Connection connection = DriverManager.getConnection(url, "dbt", password)) {
      try (Statement statement = connection.createStatement()) {
        statement.execute("CREATE DATABASE IF NOT EXISTS lab");
        statement.execute("DROP TABLE IF EXISTS lab.t");
        statement.execute("CREATE TABLE lab.t (n UInt32, s String) ENGINE = MergeTree ORDER BY n");
      }
      try (PreparedStatement insert = connection.prepareStatement("INSERT INTO lab.t (n, s) VALUES (?, ?)")) {
        for (int i = 0; i < 1000; i++) {
          insert.setInt(1, i);
          insert.setString(2, "row '" + i + "'\n\n;");
          insert.addBatch();
        }
        insert.executeBatch();
      }
      try (Statement statement = connection.createStatement()) {
        ResultSet row = statement.executeQuery("SELECT count(), sum(n), countIf(s LIKE '%\\n\\n;') FROM lab.t");
        must(row.next() && row.getInt(1) == 1000 && row.getInt(2) == 499500 && row.getInt(3) == 1000, "a batch");
      }
    }
  }

  static void cancel(Connection connection) throws Exception {
    try (Statement statement = connection.createStatement()) {
      ExecutorService pool = Executors.newSingleThreadExecutor();
      long began = System.nanoTime();
      Future<Boolean> asked = pool.submit(() -> statement.execute("SELECT count() FROM numbers(10000000000000) WHERE NOT ignore(sipHash64(number))"));
      Thread.sleep(700);
      statement.cancel();
      try {
        asked.get(20, TimeUnit.SECONDS);
        throw new Exception("a cancelled query ended well");
      } catch (ExecutionException expected) {
        must((System.nanoTime() - began) / 1e9 < 20, "cancel");
      }
      pool.shutdownNow();
    }
  }

  static void refused(Connection connection, String sql, String word) throws Exception {
    try (Statement statement = connection.createStatement()) {
      statement.execute(sql);
    } catch (SQLException error) {
      must(error.getMessage().contains(word), "the message of an error: " + error.getMessage());
      return;
    }
    throw new Exception("not refused: " + sql);
  }

  static Set<String> list(ResultSet rows, String column) throws Exception {
    Set<String> all = new HashSet<>();
    while (rows.next()) all.add(rows.getString(column));
    return all;
  }

  static void must(boolean holds, String what) throws Exception {
    if (!holds) throw new Exception("wrong: " + what);
  }
}
