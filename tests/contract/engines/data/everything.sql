-- One database with everything that PostgreSQL can hold and a backup could lose. A statement ends with its line.
-- The roles "Owner Ärger", reader and clerk exist, and so does the tablespace "Own Space".

CREATE EXTENSION "uuid-ossp";
CREATE EXTENSION pgcrypto WITH SCHEMA public;
CREATE SCHEMA "Mixed Case" AUTHORIZATION "Owner Ärger";
COMMENT ON SCHEMA "Mixed Case" IS E'two\nlines, and a ''quote''';
GRANT USAGE ON SCHEMA "Mixed Case" TO reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA "Mixed Case" GRANT SELECT ON TABLES TO reader;

-- Types

CREATE DOMAIN percent AS numeric CHECK (VALUE BETWEEN 0 AND 100) DEFAULT 0;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'it''s "fine"');
CREATE TYPE address AS (street varchar(20), "Postal Code" char(5));
CREATE TYPE price_range AS RANGE (subtype = numeric);
CREATE COLLATION ignoring_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
-- Named like built-in types, and not at all like them.
CREATE SCHEMA impostor;
CREATE TYPE impostor.date AS (value numeric);
CREATE TYPE impostor.text AS ENUM ('1.0', '1.00');

CREATE TABLE every_type (
    id integer PRIMARY KEY,
    c_smallint smallint, c_bigint bigint, c_numeric numeric, c_numeric_scaled numeric(12, 4), c_real real,
    c_double double precision, c_money money, c_boolean boolean, c_char char(6), c_varchar varchar(20), c_text text,
    c_name name, c_one_char "char", c_bytea bytea, c_date date, c_time time, c_timetz timetz, c_timestamp timestamp,
    c_timestamptz timestamptz, c_interval interval, c_uuid uuid, c_json json, c_jsonb jsonb, c_xml xml, c_bit bit(5),
    c_varbit bit varying, c_tsvector tsvector, c_tsquery tsquery, c_inet inet, c_cidr cidr, c_macaddr macaddr,
    c_macaddr8 macaddr8, c_point point, c_line line, c_lseg lseg, c_box box, c_path path, c_polygon polygon,
    c_circle circle, c_int4range int4range, c_nummultirange nummultirange, c_tstzrange tstzrange,
    c_price_range price_range, c_mood mood, c_moods mood[], c_address address, c_addresses address[], c_percent percent,
    c_matrix integer[][], c_texts text[], c_numerics numeric[], c_lsn pg_lsn, c_oid oid, c_xid8 xid8, c_tid tid,
    c_snapshot pg_snapshot, c_regclass regclass, c_jsonpath jsonpath, c_impostor_date impostor.date,
    c_impostor_text impostor.text, c_folded text COLLATE ignoring_case
);
INSERT INTO every_type VALUES (
    1, -32768, 9223372036854775807, 'NaN', 1.0000, 'NaN', 'Infinity', -1234.56, true, 'ab', E'tab\t', '',
    'name', 'x', '\x00ff00', 'infinity', '24:00:00', '23:59:59.999999+15:59', '0044-03-15 12:00:00 BC',
    '-infinity', '1 year -3 days 04:05:06.789', '00000000-0000-0000-0000-000000000000', '{"b": 1.0,  "a": [null]}',
    '{"b": 1.0, "a": [null]}', '<a>ü<!-- c --></a>', B'10101', B'', 'a:1A fat:2B cat', 'fat & !(cat | rat:*)',
    '::1/128', '10.1.0.0/16', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', '(NaN,-0)', '{1,-1,0}', '[(0,0),(1,1)]',
    '(2,2),(0,0)', '[(0,0),(1,1),(2,0)]', '((0,0),(1,1),(2,0))', '<(0,0),5>', 'empty', '{[1.0,2.00),[3,]}',
    '(,2020-01-01 00:00:00+00]', '[1.0,1.50)', 'it''s "fine"', '{sad,NULL,ok}', ROW('a "b"', 'x'),
    ARRAY[ROW('a,b', NULL)::address], 0.50, '{{1,NULL},{3,4}}', '{"","NULL",NULL,"a\"b\\c"}', '{1.0,1.00,NaN}',
    '16/B374D848', 4294967295, '18446744073709551615', '(0,1)', '10:20:10,14,15', 'every_type',
    '$.a[*] ? (@ > 1)', ROW(1.0), '1.00', 'Straße'
);
INSERT INTO every_type (id, c_numeric, c_numeric_scaled, c_real, c_double, c_text, c_date, c_timestamp, c_timestamptz,
    c_interval, c_json, c_percent)
VALUES (2, 'Infinity', -0.0001, '-0', '-0', E'𝕎𝕊𝕆₂ 😀\u0301 \\ " '' \n', '4713-11-24 BC', 'infinity',
        '294276-12-31 23:59:59.999999+00', '-178000000 years', '"\u0000"', 100),
    (3, 1e-1000, NULL, 1.17549e-38, 2.2250738585072014e-308, repeat('x', 100000), 'epoch', 'epoch', 'epoch', '0',
        '1.00', NULL),
    (4, 123456789012345678901234567890.12345678901234567890, NULL, 3.4028235e+38, 0.1, '\.', '0001-12-31 BC', NULL,
        '4714-11-24 00:00:00+00 BC', '24 hours', 'null', NULL);

CREATE TABLE seldom_types (
    c_aclitem aclitem, c_daterange daterange, c_datemultirange datemultirange, c_int4multirange int4multirange,
    c_int8range int8range, c_int8multirange int8multirange, c_numrange numrange, c_tsrange tsrange,
    c_tsmultirange tsmultirange, c_tstzmultirange tstzmultirange, c_refcursor refcursor, c_regcollation regcollation,
    c_regconfig regconfig, c_regdictionary regdictionary, c_regnamespace regnamespace, c_regoper regoper,
    c_regoperator regoperator, c_regproc regproc, c_regprocedure regprocedure, c_regrole regrole, c_regtype regtype,
    c_txid_snapshot txid_snapshot, c_xid xid, c_cid cid, c_int2vector int2vector, c_oidvector oidvector
);
INSERT INTO seldom_types VALUES (
    'clerk=r*/clerk', '[-infinity,infinity]', '{[2026-01-01,2026-02-01)}', '{}', '[-9223372036854775808,)', '{(,)}',
    '(1.0,1.00]', '[-infinity,0044-03-15 12:00 BC)', '{}', '{[2026-01-01 00:00+00,)}', 'a "cursor"', '"C"', 'simple',
    'simple', '"Mixed Case"', '||/', '+(integer,integer)', 'pg_client_encoding', 'lower(text)', '"Owner Ärger"',
    'character varying[]', '10:20:10,14,15', '4294967295', '4294967295', '1 -32768', '0 4294967295'
);

-- Values whose difference PostgreSQL itself does not see, one table each.

CREATE TABLE same_numeric (value numeric);
INSERT INTO same_numeric VALUES (1.0);
CREATE TABLE same_interval (value interval);
INSERT INTO same_interval VALUES ('1 day');
CREATE TABLE same_double (value double precision);
INSERT INTO same_double VALUES (0);
CREATE TABLE same_text (value text COLLATE ignoring_case);
INSERT INTO same_text VALUES ('wso2');
CREATE TABLE same_json (value json);
INSERT INTO same_json VALUES ('{"a": 1}');
CREATE TABLE same_jsonb (value jsonb);
INSERT INTO same_jsonb VALUES ('{"a": 1.0}');
CREATE TABLE same_array (value numeric[]);
INSERT INTO same_array VALUES ('{1.0}');
CREATE TABLE same_composite (value impostor.date);
INSERT INTO same_composite VALUES (ROW(1.0));
CREATE TABLE same_domain (value percent);
INSERT INTO same_domain VALUES (1.0);

-- Tables

CREATE TABLE no_key (a integer, b text);
INSERT INTO no_key VALUES (1, 'twin'), (1, 'twin'), (2, NULL), (NULL, NULL), (NULL, NULL);
CREATE TABLE no_columns ();
INSERT INTO no_columns DEFAULT VALUES;
CREATE TABLE no_rows (id serial PRIMARY KEY, note text DEFAULT 'a' || 'b');
CREATE UNLOGGED TABLE unlogged (id integer);
INSERT INTO unlogged VALUES (1);
CREATE TABLE "Mixed Case"."select ""from"" Tabelle ü; -- x" ("order" integer, "Spalte ✓" text, "a.b" text);
INSERT INTO "Mixed Case"."select ""from"" Tabelle ü; -- x" VALUES (1, '✓', 'a.b');
ALTER TABLE "Mixed Case"."select ""from"" Tabelle ü; -- x" OWNER TO "Owner Ärger";
CREATE TABLE "Mixed Case"."line
break" ("co
lumn" integer);
INSERT INTO "Mixed Case"."line
break" VALUES (1);
CREATE TABLE placed (id integer PRIMARY KEY USING INDEX TABLESPACE "Own Space") TABLESPACE "Own Space";
INSERT INTO placed VALUES (1);
CREATE TABLE dropped_column (a integer, b integer, c numeric);
INSERT INTO dropped_column VALUES (1, 2, 3.0);
ALTER TABLE dropped_column DROP COLUMN b;
CREATE TABLE generated (net numeric, gross numeric GENERATED ALWAYS AS (net * 1.19) STORED);
INSERT INTO generated VALUES (100.00);
CREATE TABLE with_identity (id bigint GENERATED ALWAYS AS IDENTITY (START 100 INCREMENT 10), by_default int
    GENERATED BY DEFAULT AS IDENTITY);
INSERT INTO with_identity DEFAULT VALUES;
INSERT INTO with_identity DEFAULT VALUES;
CREATE TABLE old_style (state varchar(10) DEFAULT 'new' CHECK (state IN ('new', 'done')),
    kind varchar(5) NOT NULL CONSTRAINT "Kind ok" CHECK (kind::text <> ALL (ARRAY['x', 'y'])));
INSERT INTO old_style VALUES ('done', 'z');

CREATE TABLE parted (id integer, region text, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE parted_eu PARTITION OF parted FOR VALUES IN ('eu') PARTITION BY RANGE (id);
CREATE TABLE parted_eu_1 PARTITION OF parted_eu FOR VALUES FROM (0) TO (100);
CREATE TABLE parted_rest PARTITION OF parted DEFAULT;
INSERT INTO parted VALUES (1, 'eu'), (2, 'eu'), (3, 'us');
CREATE TABLE parted_by_time (at timestamptz) PARTITION BY RANGE (at);
CREATE TABLE parted_2026 PARTITION OF parted_by_time FOR VALUES FROM ('2026-01-01 00:00+00') TO ('2027-01-01 00:00+00');
INSERT INTO parted_by_time VALUES ('2026-06-01 12:00+02');
CREATE TABLE animal (name text);
CREATE TABLE dog (breed text) INHERITS (animal);
INSERT INTO animal VALUES ('generic');
INSERT INTO dog VALUES ('rex', 'boxer');

CREATE TABLE hen (id integer PRIMARY KEY, egg integer NOT NULL);
CREATE TABLE egg (id integer PRIMARY KEY, hen integer NOT NULL REFERENCES hen DEFERRABLE INITIALLY DEFERRED);
BEGIN;
INSERT INTO egg VALUES (1, 1);
INSERT INTO hen VALUES (1, 1);
COMMIT;
ALTER TABLE hen ADD FOREIGN KEY (egg) REFERENCES egg DEFERRABLE INITIALLY DEFERRED;
CREATE TABLE self_reference (id integer PRIMARY KEY, parent integer CONSTRAINT up REFERENCES self_reference);
INSERT INTO self_reference VALUES (2, NULL), (1, 2);

CREATE TABLE guarded (tenant text, secret text);
INSERT INTO guarded VALUES ('a', '1'), ('b', '2');
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
ALTER TABLE guarded FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON guarded FOR SELECT TO reader USING (tenant = current_user AND secret IN ('1', '2'));
GRANT SELECT (tenant), UPDATE (secret) ON guarded TO reader;
GRANT SELECT ON every_type TO reader WITH GRANT OPTION;
GRANT SELECT ON no_key TO PUBLIC;
REVOKE ALL ON no_rows FROM postgres;

-- What is derived, and what acts by itself

CREATE INDEX "by lower" ON every_type (lower(c_text) text_pattern_ops, (id % 2)) WHERE c_text IS NOT NULL;
CREATE UNIQUE INDEX ON no_rows (note) INCLUDE (id) NULLS NOT DISTINCT;
CREATE STATISTICS both_columns ON a, b FROM no_key;
CREATE VIEW first_view AS SELECT id, c_text AS "Text" FROM every_type WHERE c_varchar IN ('a', 'b') OR id > 0;
CREATE VIEW second_view WITH (security_barrier) AS SELECT * FROM first_view WHERE id < 10 WITH CHECK OPTION;
CREATE MATERIALIZED VIEW fresh AS SELECT count(*) AS animals FROM animal;
CREATE MATERIALIZED VIEW stale AS SELECT a FROM no_key;
DELETE FROM no_key WHERE a = 2;
CREATE MATERIALIZED VIEW never_filled AS SELECT 1 AS one WITH NO DATA;
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS
    $body$ BEGIN NEW.secret := NEW.secret || '!'; RETURN NEW; END $body$;
CREATE TRIGGER stamped BEFORE INSERT ON guarded FOR EACH ROW EXECUTE FUNCTION stamp();
ALTER TABLE guarded DISABLE TRIGGER stamped;
CREATE TRIGGER "always ""quoted""" AFTER UPDATE OF secret ON guarded FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*)
    EXECUTE FUNCTION stamp();
CREATE RULE log_nothing AS ON DELETE TO animal DO INSTEAD NOTHING;
CREATE PROCEDURE tidy(IN days integer DEFAULT 30, INOUT done boolean DEFAULT NULL) LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION overloaded(integer) RETURNS integer LANGUAGE sql IMMUTABLE RETURN $1;
CREATE FUNCTION overloaded(text) RETURNS text LANGUAGE sql IMMUTABLE SECURITY DEFINER SET search_path = pg_catalog
    AS 'SELECT $1';
CREATE FUNCTION listed(kind varchar) RETURNS boolean LANGUAGE sql RETURN kind IN ('(', 'b') AND (kind > 'a' OR kind < 'z');
CREATE AGGREGATE total(numeric) (SFUNC = numeric_add, STYPE = numeric, INITCOND = '0');
CREATE OPERATOR === (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq);
CREATE CAST (mood AS varchar) WITH INOUT;
CREATE SEQUENCE counting_down INCREMENT -2 MINVALUE -1000 MAXVALUE -1 START -1;
SELECT nextval('counting_down'), nextval('counting_down');
CREATE SEQUENCE going_round MAXVALUE 3 CYCLE;
SELECT nextval('going_round') FROM generate_series(1, 4);
CREATE SEQUENCE never_used START 5000;
CREATE TEXT SEARCH CONFIGURATION own_search (COPY = simple);
CREATE FOREIGN DATA WRAPPER nowhere;
CREATE SERVER elsewhere FOREIGN DATA WRAPPER nowhere OPTIONS (host 'nowhere');
CREATE FOREIGN TABLE far_away (id integer) SERVER elsewhere;
CREATE PUBLICATION all_animals FOR TABLE animal WHERE (name <> 'x') WITH (publish = 'insert');
CREATE FUNCTION watching() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER watch ON sql_drop EXECUTE FUNCTION watching();
ALTER EVENT TRIGGER watch DISABLE;

-- Large objects

SELECT lo_from_bytea(1001, 'large object'), lo_from_bytea(1002, ''), lo_from_bytea(1003, '\x00ff');
ALTER LARGE OBJECT 1001 OWNER TO clerk;
GRANT SELECT ON LARGE OBJECT 1001 TO reader;
COMMENT ON LARGE OBJECT 1001 IS 'in no table';
