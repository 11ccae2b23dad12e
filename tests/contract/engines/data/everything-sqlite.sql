-- One database with everything that SQLite can hold and a backup could lose.

PRAGMA page_size = 8192;
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA journal_mode = WAL;
PRAGMA application_id = 4711;
PRAGMA user_version = 42;

-- Types: a value has one, whatever its column says.

CREATE TABLE every_type (id integer PRIMARY KEY, i integer, r real, t text, b blob, n numeric, free);
INSERT INTO every_type VALUES
    (1, 9223372036854775807, 9e999, 'Straße 𝕎 '' " \', x'00ff00', 1e300, NULL),
    (2, -9223372036854775808, -9e999, '', x'', 12345678901234567890, ''),
    (3, 0, -0.0, 'a' || char(0) || 'b', zeroblob(3), 1, x''),
    (4, NULL, 5e-324, '1', x'31', 1.5, 1),
    (5, 1, 0.1, CAST(x'ff' AS text), CAST('1' AS blob), '1', 1.0),
    (-6, 2, 1.7976931348623157e308, char(10, 13, 9), NULL, NULL, '1');
CREATE TABLE strictly (id int NOT NULL, any_one any, value text DEFAULT ('a' || 'b') CHECK (length(value) < 9)) STRICT;
INSERT INTO strictly VALUES (1, '1', 'x'), (1, 1, NULL);
CREATE TABLE large (value blob);
INSERT INTO large VALUES (randomblob(10000000)), (zeroblob(10000000));

-- Tables

CREATE TABLE no_key (a integer, b text COLLATE NOCASE);
INSERT INTO no_key VALUES (1, 'twin'), (1, 'twin'), (2, NULL), (NULL, NULL), (NULL, NULL), (12, '3'), (1, '23');
CREATE TABLE no_rows (id integer PRIMARY KEY AUTOINCREMENT, note text DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE counting (id integer PRIMARY KEY AUTOINCREMENT, v text UNIQUE ON CONFLICT REPLACE);
INSERT INTO counting VALUES (5000, 'x');
DELETE FROM counting;
INSERT INTO counting (v) VALUES ('y');
CREATE TABLE "select ""from"" Tabelle ü; -- x" ("order" integer, "Spalte ✓" text, [a.b] text, `group` integer);
INSERT INTO "select ""from"" Tabelle ü; -- x" VALUES (1, '✓', 'a.b', 2);
CREATE TABLE "Mixed Case" (A integer);
INSERT INTO "Mixed Case" VALUES (1);
CREATE TABLE without (a text, b integer, PRIMARY KEY (b DESC, a)) WITHOUT ROWID;
INSERT INTO without VALUES ('a', 1), ('b', 1);
CREATE TABLE generated (net integer, doubled integer AS (net * 2), text text AS (net || '!') STORED);
INSERT INTO generated (net) VALUES (100);
CREATE TABLE hen (id integer PRIMARY KEY, egg integer NOT NULL REFERENCES egg DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE egg (id integer PRIMARY KEY, hen integer NOT NULL REFERENCES hen ON DELETE CASCADE);
INSERT INTO hen VALUES (1, 1);
INSERT INTO egg VALUES (1, 1);
CREATE TABLE dropped_column (a integer, b integer, c text);
INSERT INTO dropped_column VALUES (1, 2, 'c');
ALTER TABLE dropped_column DROP COLUMN b;
ALTER TABLE dropped_column ADD COLUMN added text DEFAULT 'later';
CREATE VIRTUAL TABLE words USING fts5 (body);
INSERT INTO words VALUES ('some words'), ('other words');

-- What is derived, and what acts by itself

CREATE INDEX by_lower ON no_key (lower(b), a % 2) WHERE b IS NOT NULL;
CREATE UNIQUE INDEX "odd ""index""" ON every_type (id DESC, t COLLATE RTRIM);
CREATE VIEW first_view (number, words) AS SELECT id, t FROM every_type WHERE t IN ('a', '1');
CREATE VIEW second_view AS SELECT number FROM first_view WHERE number < 10 UNION SELECT a FROM no_key;
CREATE TRIGGER stamped AFTER UPDATE OF b ON no_key WHEN NEW.b IS NOT OLD.b BEGIN
    INSERT INTO no_rows (note) VALUES (NEW.b); -- what it does
END;
CREATE TRIGGER instead INSTEAD OF INSERT ON first_view BEGIN SELECT RAISE(ABORT, 'no; never'); END;
ANALYZE;
