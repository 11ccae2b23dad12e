-- One database with everything that MariaDB can hold and a backup could lose. A statement ends with its line.
-- The accounts are made in tests/support/mariadb_everything.py.

-- Types

CREATE TABLE every_type (
    id int PRIMARY KEY,
    c_tinyint tinyint, c_utinyint tinyint unsigned, c_smallint smallint, c_mediumint mediumint, c_int int(5) zerofill,
    c_bigint bigint, c_ubigint bigint unsigned, c_decimal decimal(65, 30), c_float float, c_float_places float(7, 3),
    c_double double, c_bit bit(64), c_bit1 bit, c_bool bool, c_date date, c_time time(6), c_datetime datetime(6),
    c_timestamp timestamp(6) NULL, c_year year, c_char char(10), c_varchar varchar(300), c_binary binary(4),
    c_varbinary varbinary(300), c_tinyblob tinyblob, c_blob blob, c_mediumblob mediumblob, c_longblob longblob,
    c_tinytext tinytext, c_text text, c_mediumtext mediumtext, c_longtext longtext, c_json json,
    c_enum enum('a', 'it''s', '', 'ü'), c_set set('x', 'y', 'z z'), c_uuid uuid, c_inet6 inet6, c_inet4 inet4,
    c_geometry geometry, c_point point, c_line linestring, c_polygon polygon, c_collection geometrycollection,
    c_latin1 varchar(20) CHARACTER SET latin1, c_utf16 varchar(20) CHARACTER SET utf16,
    c_bin varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, c_cp1251 varchar(20) CHARACTER SET cp1251
) CHARACTER SET utf8mb4 COMMENT 'two
lines, and a ''quote''';
INSERT INTO every_type VALUES (
    1, -128, 255, -32768, -8388608, 42, -9223372036854775808, 18446744073709551615,
    -12345678901234567890123456789012345.000000000000000000000000000001, 0.5, 1234.567, 1.7976931348623157e308,
    b'1000000000000000000000000000000000000000000000000000000000000001', b'1', true, '9999-12-31',
    '-838:59:59.999999', '9999-12-31 23:59:59.999999', '2038-01-19 03:14:07.999999', 2155, 'pad  ', 'trail  ',
    x'00ff', x'00', x'', x'00ff0a0d1a275c', x'0102', x'03', 'tiny', 'it''s\n\r\t\0\Z\\ "x"', 'medium', '😀',
    '{"b": 1.0,  "a": [null]}', 'it''s', 'x,z z', '00000000-0000-0000-0000-0000000000ff', '::1', '255.0.0.1',
    ST_GeomFromText('POINT(1 2)', 4326), POINT(-0.5, 1e-300), ST_GeomFromText('LINESTRING(0 0, 1 1)'),
    ST_GeomFromText('POLYGON((0 0, 1 0, 1 1, 0 0))'), ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1))'),
    'ä€ÿ', '𝕎', 'a ', 'Ж'
);
INSERT INTO every_type (id, c_date, c_time, c_datetime, c_timestamp, c_year, c_double, c_float, c_enum, c_set, c_varchar)
VALUES (2, '0000-00-00', '838:59:59', '0000-00-00 00:00:00', '1970-01-01 00:00:01', 1901, 5e-324, 1.17549e-38, '', '', ''),
    (3, '2026-00-15', '00:00:00.000001', '1000-01-01', NULL, 0, 0.1, -1.5, NULL, NULL, 'N'),
    (4, '0001-01-01', '-00:00:01', '2026-03-29 02:30:00', '2026-10-25 01:30:00', NULL, -2.2250738585072014e-308, 3, 'ü', 'y',
     '𝕎𝕊𝕆₂ 😀\\ " '' \n');

CREATE TABLE seldom_types (c_points multipoint, c_lines multilinestring, c_polygons multipolygon,
    c_national national varchar(5), c_fixed dec(10, 2) unsigned zerofill, c_ufloat float unsigned, c_udouble double(20, 3) unsigned);
INSERT INTO seldom_types VALUES (
    ST_GeomFromText('MULTIPOINT(1 1, -2 1e-300)'), ST_GeomFromText('MULTILINESTRING((0 0, 1 1), (2 2, 3 3))'),
    ST_GeomFromText('MULTIPOLYGON(((0 0, 1 0, 1 1, 0 0)), ((5 5, 6 5, 6 6, 5 5)))'), 'ü✓', 1.5, 0.25, 12345678901234.125
);

-- Tables

CREATE TABLE no_key (a int, b varchar(10));
INSERT INTO no_key VALUES (1, 'twin'), (1, 'twin'), (2, NULL), (NULL, NULL), (NULL, NULL), (12, '3'), (1, '23');
CREATE TABLE no_rows (id int AUTO_INCREMENT PRIMARY KEY, note varchar(20) DEFAULT (CONCAT('a', 'b')));
CREATE TABLE counting (id bigint AUTO_INCREMENT PRIMARY KEY) AUTO_INCREMENT = 5000;
INSERT INTO counting VALUES (0), (-1), (4999);
CREATE TABLE `select ``from`` Tabelle ü; -- x` (`order` int, `Spalte ✓` varchar(10), `a.b` text, `%s` int);
INSERT INTO `select ``from`` Tabelle ü; -- x` VALUES (1, '✓', 'a.b', 7);
CREATE TABLE `MIXED Case` (A int);
INSERT INTO `MIXED Case` VALUES (1);
CREATE TABLE `mixed case` (A int);
INSERT INTO `mixed case` VALUES (2);
CREATE TABLE dumped (line text);
INSERT INTO dumped VALUES ('USE `x`;\n-- Current Database: `x`\nUNLOCK TABLES;'), ('-- Dump completed'), ('),(');
CREATE TABLE generated (net int, doubled int AS (net * 2) VIRTUAL, text varchar(20) AS (CONCAT(net, '!')) STORED, KEY (doubled));
INSERT INTO generated (net) VALUES (100);
CREATE TABLE hidden (a int, b int INVISIBLE DEFAULT 7, c int NOT NULL DEFAULT 0 CHECK (c < 10), CONSTRAINT `a ok` CHECK (a > 0));
INSERT INTO hidden (a, b, c) VALUES (1, 9, 3);
CREATE TABLE parted (id int, region varchar(10), PRIMARY KEY (id, region))
    PARTITION BY LIST COLUMNS (region) (PARTITION eu VALUES IN ('eu'), PARTITION rest VALUES IN ('us', 'asia'));
INSERT INTO parted VALUES (1, 'eu'), (2, 'eu'), (3, 'us');
CREATE TABLE parted_by_range (at int) PARTITION BY RANGE (at) SUBPARTITION BY HASH (at) SUBPARTITIONS 2
    (PARTITION early VALUES LESS THAN (10) COMMENT 'it''s early', PARTITION late VALUES LESS THAN MAXVALUE);
INSERT INTO parted_by_range VALUES (1), (100);
CREATE TABLE versioned (id int PRIMARY KEY, value int) WITH SYSTEM VERSIONING;
INSERT INTO versioned VALUES (1, 1), (2, 1);
UPDATE versioned SET value = 2 WHERE id = 1;
DELETE FROM versioned WHERE id = 2;
CREATE TABLE versioned_openly (id int, began timestamp(6) GENERATED ALWAYS AS ROW START,
    ended timestamp(6) GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (began, ended)) WITH SYSTEM VERSIONING;
INSERT INTO versioned_openly (id) VALUES (1);
UPDATE versioned_openly SET id = 2;
CREATE TABLE in_period (id int, from_day date, to_day date, PERIOD FOR valid (from_day, to_day));
INSERT INTO in_period VALUES (1, '2026-01-01', '2027-01-01');
CREATE TABLE hen (id int PRIMARY KEY, egg int NOT NULL);
CREATE TABLE egg (id int PRIMARY KEY, hen int NOT NULL, CONSTRAINT laid FOREIGN KEY (hen) REFERENCES hen (id) ON DELETE CASCADE);
INSERT INTO hen VALUES (1, 1);
INSERT INTO egg VALUES (1, 1);
ALTER TABLE hen ADD CONSTRAINT hatched FOREIGN KEY (egg) REFERENCES egg (id);
CREATE TABLE self_reference (id int PRIMARY KEY, parent int, CONSTRAINT up FOREIGN KEY (parent) REFERENCES self_reference (id));
INSERT INTO self_reference VALUES (2, NULL), (1, 2);
CREATE TABLE indexed (a varchar(500), b text, g point NOT NULL, KEY prefixed (a(10), b(5)), FULLTEXT KEY words (b),
    SPATIAL KEY place (g), UNIQUE KEY once (a(20)) USING HASH, KEY falling (a(5) DESC) COMMENT 'an index', KEY off (b(3)) IGNORED)
    ROW_FORMAT = DYNAMIC STATS_PERSISTENT = 0;
INSERT INTO indexed VALUES ('a', 'some words', POINT(1, 1));
CREATE TABLE squeezed (t text COMPRESSED, b blob) ENGINE = InnoDB PAGE_COMPRESSED = 1;
INSERT INTO squeezed VALUES (REPEAT('x', 1000), REPEAT('y', 1000));
CREATE TABLE of_myisam (id int) ENGINE = MyISAM;
INSERT INTO of_myisam VALUES (1), (1);
CREATE TABLE of_aria (id int) ENGINE = Aria TRANSACTIONAL = 1;
INSERT INTO of_aria VALUES (1);
CREATE TABLE of_memory (id int) ENGINE = MEMORY;
INSERT INTO of_memory VALUES (1);
CREATE TABLE defaults (a timestamp DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, b datetime(3) DEFAULT NOW(3),
    c varchar(36) DEFAULT UUID(), d int DEFAULT (1 + 1), e enum('x', 'y') DEFAULT 'y', f blob DEFAULT 'z', g bit(3) DEFAULT b'101');
INSERT INTO defaults (a, b, c) VALUES ('2026-01-01', '2026-01-01', 'c');

-- What counts up

CREATE SEQUENCE upwards START WITH 10 INCREMENT BY 5 CACHE 3;
SELECT NEXTVAL(upwards), NEXTVAL(upwards);
CREATE SEQUENCE counting_down INCREMENT BY -2 MINVALUE -1000 MAXVALUE -1 START WITH -1 NOCACHE;
SELECT NEXTVAL(counting_down);
CREATE SEQUENCE going_round MAXVALUE 3 CYCLE NOCACHE;
SELECT NEXTVAL(going_round), NEXTVAL(going_round), NEXTVAL(going_round), NEXTVAL(going_round);
CREATE SEQUENCE never_used START WITH 5000;
CREATE TABLE fed (id int DEFAULT NEXTVAL(upwards), note varchar(5));
INSERT INTO fed (note) VALUES ('x');

-- What is derived, and what acts by itself

CREATE FUNCTION plus_one(x int) RETURNS int DETERMINISTIC COMMENT 'it''s one more' RETURN /* a comment */ x + 1;
CREATE FUNCTION folded(t varchar(10) CHARACTER SET latin1) RETURNS varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
    NO SQL SQL SECURITY INVOKER RETURN CONCAT(t, 'ü✓');
CREATE PROCEDURE several(IN a int, INOUT b int, OUT c varchar(5)) MODIFIES SQL DATA BEGIN
    -- a comment line
    DECLARE x int DEFAULT 1; # another one
    SET b = a + x; SET c = 'a;b';
END;
CREATE PROCEDURE tidy() DELETE FROM no_rows;
CREATE AGGREGATE FUNCTION total(x int) RETURNS int BEGIN
    DECLARE sum int DEFAULT 0;
    DECLARE CONTINUE HANDLER FOR NOT FOUND RETURN sum;
    LOOP FETCH GROUP NEXT ROW; SET sum = sum + x; END LOOP;
END;
CREATE VIEW y_first AS SELECT id, c_text AS `Text` FROM every_type WHERE c_varchar IN ('a', 'b') OR id > 0;
CREATE ALGORITHM = MERGE SQL SECURITY INVOKER VIEW z_second AS SELECT * FROM y_first WHERE id < 10 WITH LOCAL CHECK OPTION;
CREATE VIEW a_third AS SELECT COUNT(*) AS rows_there FROM z_second;
CREATE VIEW with_function AS SELECT plus_one(a) AS more FROM no_key;
CREATE VIEW on_view AS SELECT s.id, n.a FROM z_second s JOIN no_key n ON n.a = s.id UNION SELECT 1, 2;
CREATE TRIGGER first_one BEFORE INSERT ON no_rows FOR EACH ROW SET NEW.note = CONCAT(NEW.note, '!');
CREATE TRIGGER second_one BEFORE INSERT ON no_rows FOR EACH ROW FOLLOWS first_one SET NEW.note = LEFT(NEW.note, 5);
CREATE TRIGGER `named ``oddly``` AFTER UPDATE ON no_key FOR EACH ROW BEGIN
    /* what it does */
    INSERT INTO no_rows (note) VALUES (NEW.b);
END;
SET sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT';
CREATE FUNCTION of_other_mode() RETURNS varchar(20) DETERMINISTIC RETURN 'a' || 'b';
CREATE TRIGGER of_other_mode AFTER INSERT ON no_key FOR EACH ROW SET @x = 'a' || 'b';
SET sql_mode = 'ORACLE';
CREATE PACKAGE tools AS FUNCTION one RETURN int; END;
CREATE PACKAGE BODY tools AS FUNCTION one RETURN int AS BEGIN RETURN 1; END; END;
SET sql_mode = '';
SET NAMES latin1;
CREATE PROCEDURE of_latin1() SELECT 'plain';
SET NAMES utf8mb4;
CREATE EVENT nightly ON SCHEDULE EVERY '1:30' HOUR_MINUTE STARTS '2030-01-01 00:00:00' ENDS '2037-01-01 00:00:00'
    ON COMPLETION PRESERVE COMMENT 'it''s night' DO CALL tidy();
CREATE EVENT resting ON SCHEDULE EVERY 1 WEEK STARTS '2030-01-01 00:00:00' DISABLE DO BEGIN
    SELECT ' ON COMPLETION PRESERVE ENABLE DO ';
END;
SET time_zone = '+05:30';
CREATE EVENT elsewhere ON SCHEDULE AT '2036-01-01 00:00:00' DO SET @x = 1;
SET time_zone = '+00:00';
GRANT SELECT (a), UPDATE (b) ON no_key TO reader;
GRANT EXECUTE ON PROCEDURE tidy TO reader;
GRANT EXECUTE ON FUNCTION plus_one TO clerk;
GRANT INSERT ON hen TO clerk WITH GRANT OPTION;
