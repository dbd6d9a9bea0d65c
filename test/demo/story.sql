-- What a director, a marketer, a salesperson and a service agent want to see,
-- after generate.sql and load.sql. Every figure is as of 2026-06-30.
SET client_min_messages = warning;
SET timezone = 'Europe/Madrid';
SET datestyle = 'ISO, YMD';
\pset border 2
\pset linestyle unicode
\pset footer off
\pset null ''
\pset numericlocale on

\ir evaluate.sql
\ir story_director.sql
\ir story_marketer.sql
\ir story_sales.sql
\ir story_service.sql
\ir story_quality.sql
