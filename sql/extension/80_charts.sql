-- A drawing kit: charts as self-contained SVG.
--
-- Functions of their arguments alone: numbers, windows and names in, one <svg> out, as text.  No script, font,
-- link or picture from elsewhere; a <title> and a <desc> that says the figures in words; colours that keep apart
-- for colour-blind readers (after Okabe and Ito, darkened to 3:1 on white), with patterns on top of them, so that
-- they do in print; a dark scheme where the reader's system asks for one.
--
-- Names are untrusted: whatever is not drawn by the kit itself goes through chart_text().  Coordinates are in
-- units of the viewBox, one CSS pixel at natural size.  What is finer than a pixel is put together before it is
-- drawn, so that a chart of a million points is no larger than one of a thousand.
--
-- A chart is drawn for a width, with type of the same size in each: a page shows a narrow one to a phone and a
-- wide one to a desk, rather than one that is shrunk until nobody can read it.

-- ---------------------------------------------------------------- text

CREATE FUNCTION chart_text(words text, longest integer DEFAULT 200) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT replace(replace(replace(replace(replace(
           CASE WHEN length(s.words) > longest THEN rtrim(left(s.words, greatest(longest - 1, 0))) ELSE s.words END,
           '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;'), '''', '&#39;')
         || CASE WHEN length(s.words) > longest THEN '&#8230;' ELSE '' END
  FROM (SELECT btrim(regexp_replace(regexp_replace(chart_text.words, '[\uFFFE\uFFFF\u200E\u200F\u202A-\u202E\u2066-\u2069]', '', 'g'), '[\u0001-\u0020\u007F-\u009F]+', ' ', 'g')) AS words) s
$function$;
COMMENT ON FUNCTION chart_text(text, integer) IS
  'text for XML and HTML, in content and in quoted attributes: markup escaped, control characters and what turns the direction of writing taken out, blanks drawn together, cut to so many characters with an ellipsis';

CREATE FUNCTION chart_number(value numeric, decimals integer DEFAULT NULL) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT CASE WHEN value IS NULL THEN NULL
              WHEN value IN ('NaN', 'Infinity', '-Infinity') THEN value::text
              ELSE CASE WHEN r.value < 0 THEN '-' ELSE '' END
                   || ltrim(regexp_replace(reverse(regexp_replace(reverse(split_part(abs(r.value)::text, '.', 1)), '(\d{3})(?=\d)', '\1,', 'g')), '^,', ''))
                   || CASE WHEN scale(r.value) > 0 THEN '.' || split_part(r.value::text, '.', 2) ELSE '' END END
  FROM (SELECT CASE WHEN decimals IS NOT NULL THEN round(value, decimals)
                    ELSE trim_scale(round(value, CASE WHEN abs(value) >= 100 THEN 0 WHEN abs(value) >= 10 THEN 1 WHEN abs(value) >= 1 OR value = 0 THEN 2
                                                      ELSE least(2 - floor(log(abs(value)))::integer, 12) END)) END AS value) r
$function$;
COMMENT ON FUNCTION chart_number(numeric, integer) IS
  'a number for people: thousands apart by commas, with so many decimals, or without that with about three figures';

CREATE FUNCTION chart_count(number numeric, one text, several text DEFAULT NULL) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN chart_number(number) || ' ' || CASE WHEN number = 1 THEN one ELSE coalesce(several, one || 's') END;
COMMENT ON FUNCTION chart_count(numeric, text, text) IS 'so many of something: 1 bid, 2 bids; the plural is made with an s unless it is given';

CREATE FUNCTION chart_instant(instant timestamptz, zone text) RETURNS text
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN CASE WHEN isfinite(instant) THEN to_char(instant AT TIME ZONE zone, 'FMDD Mon YYYY HH24:MI') WHEN instant = 'infinity' THEN 'no end' ELSE 'no beginning' END;
COMMENT ON FUNCTION chart_instant(timestamptz, text) IS 'an instant as a local time for people';

CREATE FUNCTION chart_text_width(words text, size numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT size * (0.62 * length(words)
                 - 0.26 * (length(words) - length(translate(words, ' .,:;|!iljtfI()[]/-''', '')))
                 + 0.37 * (length(words) - length(translate(words, 'MWmw@%', '')))
                 + 0.08 * (length(words) - length(regexp_replace(words, '[A-HJ-LN-VX-Z]', '', 'g')))
                 + 0.48 * (octet_length(words) - length(words)) / 2.0)
$function$;
COMMENT ON FUNCTION chart_text_width(text, numeric) IS
  'about how wide a text is in a wide sans-serif face of that size, rather too much than too little; bold: as if it were an eighth larger';

CREATE FUNCTION chart_fit(words text, size numeric, room numeric) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  fits integer := 0;
  most integer;
  half integer;
BEGIN
  words := left(words, 400);
  IF flexexchange.chart_text_width(words, size) <= room THEN
    RETURN flexexchange.chart_text(words, 400);
  END IF;
  most := length(words);
  WHILE most - fits > 1 LOOP
    half := (fits + most) / 2;
    IF flexexchange.chart_text_width(left(words, half) || 'W', size) <= room THEN
      fits := half;
    ELSE
      most := half;
    END IF;
  END LOOP;
  RETURN CASE WHEN fits = 0 THEN '' ELSE flexexchange.chart_text(words, fits) END;
END
$function$;
COMMENT ON FUNCTION chart_fit(text, numeric, numeric) IS
  'as much of a text as there is room for at that size, escaped, with an ellipsis where something was cut; empty where nothing fits';

CREATE FUNCTION chart_lines(words text, size numeric, room numeric, most integer) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  lines text[] := ARRAY[]::text[];
  line text := '';
  word text;
BEGIN
  FOREACH word IN ARRAY regexp_split_to_array(btrim(regexp_replace(left(words, 1000), '\s+', ' ', 'g')), ' ') LOOP
    IF line <> '' AND flexexchange.chart_text_width(line || ' ' || word, size) > room AND cardinality(lines) < most - 1 THEN
      lines := lines || line;
      line := word;
    ELSE
      line := line || CASE WHEN line = '' THEN '' ELSE ' ' END || word;
    END IF;
  END LOOP;
  RETURN lines || line;
END
$function$;
COMMENT ON FUNCTION chart_lines(text, numeric, numeric, integer) IS
  'a text in at most so many lines, broken between words; the last one may be too long for the room';

CREATE FUNCTION chart_xy(value numeric) RETURNS text
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN trim_scale(round(value, 1))::text;
COMMENT ON FUNCTION chart_xy(numeric) IS 'a coordinate, to a tenth of a pixel';

-- ---------------------------------------------------------------- ticks and scales

CREATE FUNCTION number_ticks(low numeric, high numeric, about integer DEFAULT 5) RETURNS numeric[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  span numeric;
  size numeric;
  step numeric;
BEGIN
  IF low IN ('NaN', 'Infinity', '-Infinity') OR high IN ('NaN', 'Infinity', '-Infinity') OR low > high OR about < 1 THEN
    RAISE EXCEPTION 'an axis from % to % with about % steps', low, high, about
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Give two finite numbers, the smaller one first, and at least one step.';
  END IF;
  span := CASE WHEN low < high THEN (high - low) / about WHEN low = 0 THEN 1 ELSE abs(low) END;
  size := power(10::numeric, floor(log(span)));
  step := trim_scale(size * CASE WHEN span <= size THEN 1 WHEN span <= 2 * size THEN 2 WHEN span <= 5 * size THEN 5 ELSE 10 END);
  RETURN ARRAY(SELECT trim_scale(i * step) FROM generate_series(floor(low / step), CASE WHEN low < high THEN ceil(high / step) ELSE floor(low / step) + 1 END) i);
END
$function$;
COMMENT ON FUNCTION number_ticks(numeric, numeric, integer) IS
  'round numbers (steps of 1, 2 or 5 times a power of ten) from at or below the low one to at or above the high one, in about so many steps; error 22023 for what is no axis';

CREATE FUNCTION time_ticks(span time_window, zone text, about integer DEFAULT 6) RETURNS timestamptz[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  since CONSTANT timestamptz := flexexchange.lower(span);
  until CONSTANT timestamptz := flexexchange.upper(span);
  from_day date;
  to_day date;
  seconds numeric;
  step integer;
BEGIN
  IF NOT (isfinite(since) AND isfinite(until)) OR about < 1 THEN
    RAISE EXCEPTION 'a time axis over % with about % ticks', span, about
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Give a window with a beginning and an end, and at least one tick.';
  END IF;
  from_day := (since AT TIME ZONE zone)::date;
  to_day := (until AT TIME ZONE zone)::date;
  seconds := extract(epoch FROM until - since) / about;

  -- up to an hour: equal steps from midnight, so that the hour that clocks show twice has both its ticks
  IF seconds <= 3600 THEN
    step := (SELECT min(s) FROM unnest(ARRAY[1, 5, 15, 30, 60, 300, 600, 900, 1800, 3600]) s WHERE s::numeric >= seconds);
    RETURN ARRAY(SELECT t FROM generate_series(flexexchange.local_midnight(from_day, zone)
                                                 + ceil(extract(epoch FROM since - flexexchange.local_midnight(from_day, zone)) / step)::double precision * make_interval(secs => step),
                                               until, make_interval(secs => step)) t);
  -- up to half a day: by the clock; a time that clocks skip has no tick
  ELSIF seconds <= 43200 THEN
    step := (SELECT min(s) FROM unnest(ARRAY[2, 3, 6, 12]) s WHERE s * 3600 >= seconds);
    RETURN ARRAY(SELECT DISTINCT t.instant
                 FROM generate_series(from_day::timestamp, to_day + interval '1 day', make_interval(hours => step)) l,
                      LATERAL (SELECT CASE WHEN l::time = '00:00' THEN flexexchange.local_midnight(l::date, zone) ELSE l AT TIME ZONE zone END AS instant) t
                 WHERE t.instant >= since AND t.instant <= until AND (l::time = '00:00' OR t.instant AT TIME ZONE zone = l) ORDER BY 1);
  -- days and weeks, from Monday 1 January 1900
  ELSIF seconds <= 14 * 86400 THEN
    step := (SELECT min(s) FROM unnest(ARRAY[1, 2, 7, 14]) s WHERE s * 86400 >= seconds);
    RETURN ARRAY(SELECT t.instant FROM generate_series(from_day::timestamp, to_day::timestamp, interval '1 day') d,
                      LATERAL (SELECT flexexchange.local_midnight(d::date, zone) AS instant) t
                 WHERE (d::date - DATE '1900-01-01') % step = 0 AND t.instant >= since AND t.instant <= until ORDER BY 1);
  ELSE
    step := coalesce((SELECT min(s) FROM unnest(ARRAY[1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200, 2400]) s WHERE s * 30.5 * 86400 >= seconds),
                     ceil(seconds / (12000 * 30.5 * 86400))::integer * 12000);
    RETURN ARRAY(SELECT t.instant
                 FROM generate_series(extract(year FROM from_day)::integer * 12 / step * step, extract(year FROM to_day)::integer * 12 + 11, step) m,
                      LATERAL (SELECT flexexchange.local_midnight(make_date(greatest(m / 12, 1), m % 12 + 1, 1), zone) AS instant) t
                 WHERE t.instant >= since AND t.instant <= until ORDER BY 1);
  END IF;
END
$function$;
COMMENT ON FUNCTION time_ticks(time_window, text, integer) IS
  'at most about so many instants of a window at round local times: seconds, minutes, hours, days, weeks from Monday, months or years; days of 23 and 25 hours have the hours that their clocks show; errors 22023 for a window without end, and for an unknown zone';

CREATE FUNCTION chart_value_axis(ticks numeric[], unit text, side numeric, far numeric, top numeric, bottom numeric) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT CASE WHEN unit = '' THEN '' ELSE format('<text class="m" x="0" y="%s">%s</text>', flexexchange.chart_xy(top - 10), flexexchange.chart_text(unit, 60)) END
         || string_agg(format('<path class="%s" d="M%s %sH%s"/><text class="m" x="%s" y="%s" text-anchor="end">%s</text>', CASE WHEN v = 0 THEN 'z' ELSE 'g' END,
                              flexexchange.chart_xy(side), y.at, flexexchange.chart_xy(far), flexexchange.chart_xy(side - 6), flexexchange.chart_xy(y.at::numeric + 4), flexexchange.chart_number(v, CASE WHEN v = 0 THEN 0 ELSE s.decimals END)), '' ORDER BY v)
  FROM unnest(ticks) v, (SELECT max(scale(v)) AS decimals FROM unnest(ticks) v) s,
       LATERAL (SELECT flexexchange.chart_xy(bottom - (v - ticks[1]) / (ticks[cardinality(ticks)] - ticks[1]) * (bottom - top)) AS at) y
$function$;
COMMENT ON FUNCTION chart_value_axis(numeric[], text, numeric, numeric, numeric, numeric) IS
  'an axis of numbers upwards: a line at each tick, a stronger one at zero, the numbers to the left and the unit above';

CREATE FUNCTION chart_time_axis(span time_window, zone text, side numeric, far numeric, top numeric, width numeric) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  since CONSTANT timestamptz := flexexchange.lower(span);
  seconds CONSTANT numeric := extract(epoch FROM flexexchange.upper(span) - flexexchange.lower(span));
  ticks CONSTANT timestamptz[] := flexexchange.time_ticks(span, zone, greatest(2, floor((far - side) / 64)::integer));
  form text;
  above text;
  svg text := '';
  x numeric;
  label text;
  half numeric;
  context text;
  contexts text[] := ARRAY[]::text[];
  context_x numeric[] := ARRAY[]::numeric[];
  said text := '';
BEGIN
  -- the second row says of which day or year the first is
  SELECT CASE WHEN bool_or(t.instant <> t.midnight) OR cardinality(ticks) < 2 AND seconds < 172800
              THEN CASE WHEN bool_or(extract(second FROM t.instant) <> 0) THEN 'HH24:MI:SS' ELSE 'HH24:MI' END
              WHEN bool_or(extract(day FROM t.here) <> 1) OR cardinality(ticks) < 2 THEN 'FMDD Mon' WHEN bool_or(extract(month FROM t.here) <> 1) THEN 'Mon' ELSE 'YYYY' END
    INTO form
  FROM (SELECT i AS instant, i AT TIME ZONE zone AS here, flexexchange.local_midnight((i AT TIME ZONE zone)::date, zone) AS midnight FROM unnest(ticks) i) t;
  above := CASE WHEN form LIKE 'HH24%' THEN 'FMDD Mon YYYY' WHEN form = 'YYYY' THEN NULL ELSE 'YYYY' END;
  FOR i IN 1 .. cardinality(ticks) LOOP
    x := side + extract(epoch FROM ticks[i] - since) / seconds * (far - side);
    label := to_char(ticks[i] AT TIME ZONE zone, form);
    half := flexexchange.chart_text_width(label, 12) / 2;
    svg := svg || format('<path class="z" d="M%s %sv4"/><text class="m" x="%s" y="%s" text-anchor="middle">%s</text>', flexexchange.chart_xy(x), flexexchange.chart_xy(top),
                         flexexchange.chart_xy(greatest(half, least(x, width - half))), flexexchange.chart_xy(top + 17), label);
    context := to_char(ticks[i] AT TIME ZONE zone, above);
    IF context <> said THEN
      contexts := contexts || context;
      context_x := context_x || greatest(0, least(x, width - half) - half);
      said := context;
    END IF;
  END LOOP;
  FOR i IN 1 .. cardinality(contexts) LOOP
    half := flexexchange.chart_text_width(contexts[i], 12);
    x := CASE WHEN i = 1 THEN least(context_x[i], width - half) ELSE context_x[i] END;
    CONTINUE WHEN x + half + 8 > coalesce(context_x[i + 1], width + 8) AND (cardinality(contexts) > 1);
    svg := svg || format('<text class="m" x="%s" y="%s">%s</text>', flexexchange.chart_xy(x), flexexchange.chart_xy(top + 33), contexts[i]);
  END LOOP;
  RETURN svg;
END
$function$;
COMMENT ON FUNCTION chart_time_axis(time_window, text, numeric, numeric, numeric, numeric) IS
  'an axis of time in a zone: ticks with times, days, months or years, and below, where it begins and changes, the day or year that they are of';

CREATE FUNCTION window_pieces(delivery time_window, span time_window, resolution text, zone text)
RETURNS TABLE (period time_window, hours numeric)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT time_window(p.since, p.until), extract(epoch FROM least(p.until, c.until) - greatest(p.since, c.since)) / 3600
  FROM (SELECT CASE WHEN isfinite(m.since) THEN m.since END AS since, CASE WHEN isfinite(m.until) THEN m.until END AS until
        FROM (SELECT greatest(lower(delivery), lower(span)) AS since, least(upper(delivery), upper(span)) AS until) m) c,
       LATERAL (SELECT CASE resolution WHEN 'half hour' THEN 1800 WHEN 'hour' THEN 3600 END AS seconds, CASE WHEN resolution NOT IN ('half hour', 'hour') THEN resolution END AS unit,
                       CASE WHEN resolution = 'quarter' THEN interval '3 months' WHEN resolution NOT IN ('half hour', 'hour') THEN ('1 ' || resolution)::interval END AS step) u,
       LATERAL (SELECT to_timestamp((n * u.seconds)::double precision) AS since, to_timestamp(((n + 1) * u.seconds)::double precision) AS until
                FROM generate_series(floor(extract(epoch FROM c.since) / u.seconds), ceil(extract(epoch FROM c.until) / u.seconds) - 1) n
                UNION ALL
                SELECT d AT TIME ZONE zone, (d + u.step) AT TIME ZONE zone
                FROM generate_series(date_trunc(u.unit, c.since AT TIME ZONE zone), c.until AT TIME ZONE zone, u.step) d) p
  WHERE c.since < c.until AND p.since < c.until AND p.until > c.since;
END;
COMMENT ON FUNCTION window_pieces(time_window, time_window, text, text) IS
  'the part of a window that lies in a finite span, cut at local periods: half hour, hour, day, week, month, quarter or year; each period whole, and how many hours of the part lie in it; nothing where they do not meet';

CREATE FUNCTION chart_resolution(span time_window) RETURNS text
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN (SELECT CASE WHEN days <= 2.1 THEN 'half hour' WHEN days <= 5.1 THEN 'hour' WHEN days <= 62 THEN 'day' WHEN days <= 430 THEN 'week' WHEN days <= 2600 THEN 'month' WHEN days <= 9000 THEN 'quarter' ELSE 'year' END
          FROM (SELECT extract(epoch FROM upper(span) - lower(span)) / 86400 AS days) d);
COMMENT ON FUNCTION chart_resolution(time_window) IS 'periods for columns over a window: not more than about a hundred of them';

-- ---------------------------------------------------------------- the sheet

CREATE FUNCTION chart_key(title text, description text, width integer) RETURNS text
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN 'fx' || to_hex(hashtextextended(title || chr(10) || description, width));
COMMENT ON FUNCTION chart_key(text, text, integer) IS
  'what the ids within a chart begin with, so that two charts on a page do not share them';

CREATE FUNCTION chart_fill(key text, place integer) RETURNS text
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN CASE WHEN place = 1 THEN 'class="c1"' ELSE 'fill="url(#' || key || 'p' || place || ')"' END;
COMMENT ON FUNCTION chart_fill(text, integer) IS 'the fill of series 1 to 6, of 7 (what is left over) or of 8 (what is amiss)';

CREATE FUNCTION chart_svg(title text, description text, width integer, height numeric, body text, fills integer DEFAULT 1) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT format('<svg xmlns="http://www.w3.org/2000/svg" class="fx" role="img" viewBox="0 0 %1$s %2$s" width="%1$s" height="%2$s" font-family="system-ui, sans-serif" font-size="12" aria-labelledby="%3$st %3$sd">'
                || '<title id="%3$st">%4$s</title><desc id="%3$sd">%5$s</desc>', width, flexexchange.chart_xy(height), k.key, flexexchange.chart_text(title, 300), flexexchange.chart_text(description, 4000))
         || '<style>.fx{background:#fff}.fx text{fill:#1b1f24}.fx .m{fill:#57606a}.fx .i{fill:#fff}.fx .g{stroke:#d8dee4;fill:none}.fx .z{stroke:#57606a;fill:none}.fx .n{fill:none}'
         || '.fx .c1{fill:#0072b2}.fx .c2{fill:#b87400}.fx .c3{fill:#009e73}.fx .c4{fill:#c2679a}.fx .c5{fill:#2e9bd6}.fx .c6{fill:#a39000}.fx .c7{fill:#767676}.fx .c8{fill:#d55e00}.fx .h{stroke:#fff;stroke-opacity:.7}.fx .hf{fill:#fff;fill-opacity:.8}'
         || '.fx .s1{stroke:#0072b2}.fx .s2{stroke:#b87400}.fx .s3{stroke:#009e73}.fx .s4{stroke:#c2679a}.fx .s5{stroke:#2e9bd6}.fx .s6{stroke:#a39000}.fx .s7{stroke:#767676}.fx .s8{stroke:#d55e00}.fx .s9{stroke:#1b1f24}'
         || '@media screen and (prefers-color-scheme:dark){.fx{background:#14171c}.fx text{fill:#e6edf3}.fx .m{fill:#9aa4af}.fx .i{fill:#fff}.fx .g{stroke:#2d333b}.fx .z{stroke:#9aa4af}.fx .h{stroke:#14171c}.fx .hf{fill:#14171c}'
         || '.fx .c2{fill:#e69f00}.fx .c3{fill:#00b283}.fx .c4{fill:#cc79a7}.fx .c5{fill:#56b4e9}.fx .c6{fill:#f0e442}.fx .c7{fill:#9aa4af}.fx .s1{stroke:#3d9bd6}.fx .s2{stroke:#e69f00}.fx .s3{stroke:#00b283}.fx .s4{stroke:#cc79a7}'
         || '.fx .s5{stroke:#56b4e9}.fx .s6{stroke:#f0e442}.fx .s7{stroke:#9aa4af}.fx .s9{stroke:#e6edf3}}</style>'
         || CASE WHEN fills > 1 THEN '<defs>' || (
              SELECT string_agg(format('<pattern id="%sp%s" width="%s" height="%s" patternUnits="userSpaceOnUse"%s><path class="c%s" d="M0 0h9v9h-9z"/>%s</pattern>', k.key, n, p.size, p.size, p.turn, n, p.mark), '' ORDER BY n)
              FROM (VALUES
                (2, 6, ' patternTransform="rotate(45)"', '<path class="h" stroke-width="1.2" d="M0 0V6"/>'),
                (3, 6, '', '<circle class="hf" cx="3" cy="3" r="0.9"/>'),
                (4, 6, ' patternTransform="rotate(-45)"', '<path class="h" stroke-width="1.2" d="M0 0V6"/>'),
                (5, 5, '', '<path class="h" stroke-width="0.9" d="M0 2.5H5"/>'),
                (6, 7, '', '<path class="h" stroke-width="0.9" d="M0 3.5H7M3.5 0V7"/>'),
                (7, 5, '', '<path class="h" stroke-width="0.9" d="M2.5 0V5"/>'),
                (8, 5, ' patternTransform="rotate(45)"', '<path class="h" stroke-width="1.8" d="M0 0V5M0 2.5H5"/>')) AS p (n, size, turn, mark)
              WHERE n <= fills) || '</defs>' ELSE '' END
         || body || '</svg>'
  FROM (SELECT flexexchange.chart_key(title, description, width) AS key) k
$function$;
COMMENT ON FUNCTION chart_svg(text, text, integer, numeric, text, integer) IS
  'a sheet around what was drawn: title and description for those who do not see it, colours, and the patterns of the first so many fills';

CREATE FUNCTION chart_head(key text, title text, subtitle text, names text[], fills integer[], width integer, OUT svg text, OUT height numeric)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  line text;
  x numeric := 0.0;
  room numeric;
  swatch numeric;
BEGIN
  svg := '';
  height := 0.0;
  FOREACH line IN ARRAY flexexchange.chart_lines(coalesce(title, ''), 17, width, 3) LOOP
    height := height + 20;
    svg := svg || format('<text x="0" y="%s" font-size="15" font-weight="600">%s</text>', flexexchange.chart_xy(height - 4), flexexchange.chart_fit(line, 17, width));
  END LOOP;
  IF coalesce(subtitle, '') <> '' THEN
    FOREACH line IN ARRAY flexexchange.chart_lines(subtitle, 12, width, 3) LOOP
      height := height + 17;
      svg := svg || format('<text class="m" x="0" y="%s">%s</text>', flexexchange.chart_xy(height - 4), flexexchange.chart_fit(line, 12, width));
    END LOOP;
  END IF;
  IF cardinality(names) > 0 THEN
    height := height + 22;
    FOR i IN 1 .. cardinality(names) LOOP
      swatch := CASE WHEN fills[i] > 0 THEN 18.0 ELSE 28.0 END;
      room := swatch + least(flexexchange.chart_text_width(left(names[i], 200), 12), width - swatch);
      IF x > 0 AND x + room > width THEN
        x := 0.0;
        height := height + 19;
      END IF;
      svg := svg || CASE WHEN fills[i] > 0 THEN format('<path %s d="M%s %sh12v12h-12z"/>', flexexchange.chart_fill(key, fills[i]), flexexchange.chart_xy(x), flexexchange.chart_xy(height - 14))
                         ELSE format('<path class="n s%s" stroke-width="2"%s d="M%s %sh23"/>', -fills[i], flexexchange.chart_dashes(-fills[i]), flexexchange.chart_xy(x), flexexchange.chart_xy(height - 8)) END
             || format('<text x="%s" y="%s">%s</text>', flexexchange.chart_xy(x + swatch), flexexchange.chart_xy(height - 4), flexexchange.chart_fit(names[i], 12, width - swatch));
      x := x + room + 14;
    END LOOP;
  END IF;
  height := height + 28;
END
$function$;
COMMENT ON FUNCTION chart_head(text, text, text, text[], integer[], integer) IS
  'what stands above a plot: title, subtitle and a legend of as many rows as it takes (fills above zero are of areas, below zero of lines), and how high that is';

CREATE FUNCTION chart_dashes(place integer) RETURNS text
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN CASE WHEN place IN (1, 9) THEN '' ELSE ' stroke-dasharray="' || (ARRAY['', '7 3', '2 2', '10 3 2 3', '5 2', '1 3', '4 4', '3 1'])[place] || '"' END;
COMMENT ON FUNCTION chart_dashes(integer) IS 'the dashes of the line of a series';

CREATE FUNCTION chart_check_width(width integer) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  IF width IS NULL OR width NOT BETWEEN 240 AND 2000 THEN
    RAISE EXCEPTION 'a chart of width %', coalesce(width::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Give 240 to 2000 pixels: 360 suits a phone, 820 a page.';
  END IF;
END
$function$;
COMMENT ON FUNCTION chart_check_width(integer) IS 'error 22023 for a width that is no chart''s';

CREATE FUNCTION chart_nothing(title text, subtitle text, width integer DEFAULT 820, words text DEFAULT 'No data in this window.') RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  head record;
BEGIN
  PERFORM flexexchange.chart_check_width(width);
  head := flexexchange.chart_head('', title, subtitle, NULL, NULL, width);
  RETURN flexexchange.chart_svg(title, words, width, head.height + 60,
    head.svg || format('<path class="g" stroke-dasharray="4 4" d="M.5 %sh%sv58h-%sz"/><text class="m" x="%s" y="%s" text-anchor="middle">%s</text>', flexexchange.chart_xy(head.height - 10),
                       width - 1, width - 1, flexexchange.chart_xy(width / 2.0), flexexchange.chart_xy(head.height + 23), flexexchange.chart_fit(words, 12, width - 8)));
END
$function$;
COMMENT ON FUNCTION chart_nothing(text, text, integer, text) IS 'a chart of nothing, that says so';

-- ---------------------------------------------------------------- forms

CREATE FUNCTION chart_columns(
  title text, subtitle text, unit text, span time_window, zone text,
  periods time_window[], series text[], amounts numeric[],
  line_name text DEFAULT NULL, line_periods time_window[] DEFAULT NULL, line_amounts numeric[] DEFAULT NULL, width integer DEFAULT 820, additive boolean DEFAULT true) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  since CONSTANT timestamptz := flexexchange.lower(span);
  until CONSTANT timestamptz := flexexchange.upper(span);
  seconds numeric;
  names text[];
  totals numeric[];
  low numeric;
  high numeric;
  ticks numeric[];
  described text;
  key text;
  head record;
  side numeric;
  plot CONSTANT numeric := CASE WHEN width < 600 THEN 190.0 ELSE 240.0 END;
  bottom numeric;
  scale_y numeric;
  zero_y numeric;
  body text;
  line text;
BEGIN
  PERFORM flexexchange.chart_check_width(width);
  title := coalesce(title, '');
  unit := coalesce(unit, '');
  IF span IS NULL OR NOT (isfinite(since) AND isfinite(until)) THEN
    RAISE EXCEPTION 'a chart over %', coalesce(span::text, 'NULL') USING ERRCODE = 'invalid_parameter_value', HINT = 'Give a window with a beginning and an end.';
  END IF;
  seconds := extract(epoch FROM until - since);

  -- what can be drawn: finite amounts within the window, one a period and series; the six greatest series and what is left over
  WITH given AS (
    SELECT g.period, g.name, sum(g.amount) AS amount FROM unnest(periods, series, amounts) AS g (period, name, amount)
    WHERE g.amount NOT IN ('NaN', 'Infinity', '-Infinity') AND g.name IS NOT NULL AND flexexchange.time_window_overlaps(g.period, span) GROUP BY 1, 2
  ), ranked AS (
    SELECT name, row_number() OVER (ORDER BY sum(abs(amount)) DESC, name COLLATE "C") AS place, count(*) OVER () AS number FROM given GROUP BY name
  ), drawn AS (
    SELECT g.period, CASE WHEN r.place <= 6 OR r.number = 7 THEN r.name ELSE format('%s others', r.number - 6) END AS name, least(r.place, 7) AS place, sum(g.amount) AS amount
    FROM given g JOIN ranked r USING (name) GROUP BY 1, 2, 3
  )
  SELECT array_agg(period ORDER BY period, place), array_agg(name ORDER BY period, place), array_agg(amount ORDER BY period, place),
         (SELECT array_agg(s.name ORDER BY s.place) FROM (SELECT DISTINCT name, place FROM drawn) s),
         (SELECT array_agg(s.total ORDER BY s.place) FROM (SELECT place, CASE WHEN additive THEN sum(amount) ELSE (array_agg(amount ORDER BY abs(amount) DESC, amount DESC))[1] END AS total FROM drawn GROUP BY place) s)
    INTO periods, series, amounts, names, totals FROM drawn;
  SELECT array_agg(g.period ORDER BY g.period), array_agg(g.amount ORDER BY g.period) INTO line_periods, line_amounts
  FROM unnest(line_periods, line_amounts) AS g (period, amount) WHERE g.amount NOT IN ('NaN', 'Infinity', '-Infinity') AND flexexchange.time_window_overlaps(g.period, span);
  IF names IS NULL AND line_periods IS NULL THEN
    RETURN flexexchange.chart_nothing(title, subtitle, width);
  END IF;
  IF (SELECT count(DISTINCT p) FROM unnest(periods) p) > 400 THEN
    RAISE EXCEPTION 'a chart of more than 400 columns' USING ERRCODE = 'program_limit_exceeded', HINT = 'Sum over longer periods, or choose a shorter window.';
  END IF;
  line_name := CASE WHEN line_periods IS NOT NULL THEN coalesce(line_name, '') END;

  described := format('Over time, from %s to %s, in %s.', flexexchange.chart_instant(since, zone), flexexchange.chart_instant(until, zone), unit)
    || coalesce((SELECT CASE WHEN additive THEN ' In all: ' ELSE ' At most: ' END || string_agg(format('%s %s', left(u.name, 100), flexexchange.chart_number(u.total)), ', ' ORDER BY u.place) || '.'
                 FROM unnest(names, totals) WITH ORDINALITY AS u (name, total, place)), '')
    || coalesce((SELECT format(' The highest column, %s, begins on %s.', flexexchange.chart_number(c.total), flexexchange.chart_instant(flexexchange.lower(c.period), zone))
                 FROM (SELECT u.period, sum(u.amount) AS total FROM unnest(periods, amounts) AS u (period, amount) GROUP BY 1) c ORDER BY c.total DESC, c.period LIMIT 1), '')
    || coalesce((SELECT format(' %s: from %s to %s.', left(line_name, 100), flexexchange.chart_number(min(a)), flexexchange.chart_number(max(a))) FROM unnest(line_amounts) a HAVING count(*) > 0), '');
  key := flexexchange.chart_key(title, described, width);
  head := flexexchange.chart_head(key, title, subtitle, coalesce(names, '{}') || array_remove(ARRAY[line_name], NULL),
                                  ARRAY(SELECT generate_series(1, cardinality(names))) || CASE WHEN line_name IS NULL THEN '{}'::integer[] ELSE ARRAY[-9] END, width);

  SELECT least(min(c.down), 0, (SELECT min(a) FROM unnest(line_amounts) a)), greatest(max(c.up), 0, (SELECT max(a) FROM unnest(line_amounts) a)) INTO low, high
  FROM (SELECT sum(u.amount) FILTER (WHERE u.amount < 0) AS down, sum(u.amount) FILTER (WHERE u.amount > 0) AS up FROM unnest(periods, amounts) AS u (period, amount) GROUP BY u.period) c;
  ticks := flexexchange.number_ticks(low, high, 4);
  side := flexexchange.chart_axis_width(ticks);
  bottom := head.height + plot;
  scale_y := plot / (ticks[cardinality(ticks)] - ticks[1]);
  zero_y := bottom + ticks[1] * scale_y;

  -- each on top of those before it, away from zero; a few with a tip each, many as one path a series
  SELECT string_agg(CASE WHEN cardinality(periods) <= 500 THEN s.tipped ELSE format('<path %s d="%s"/>', flexexchange.chart_fill(key, s.place), s.path) END, '' ORDER BY s.place) INTO body
  FROM (SELECT b.place, string_agg(b.path, '' ORDER BY b.period) AS path,
               string_agg(format('<path %s d="%s"><title>%s</title></path>', flexexchange.chart_fill(key, b.place), b.path,
                                 flexexchange.chart_text(format('%s, %s: %s %s', flexexchange.chart_instant(flexexchange.lower(b.period), zone), left(b.name, 60), flexexchange.chart_number(b.amount), unit))), '' ORDER BY b.period) AS tipped
        FROM (SELECT c.period, c.place, c.name, c.amount,
                     format('M%s %sh%sv%sh-%sz', flexexchange.chart_xy(e.x0 + gap), flexexchange.chart_xy(zero_y - (CASE WHEN c.amount > 0 THEN c.amount ELSE 0 END + c.below) * scale_y),
                            w.w, flexexchange.chart_xy(abs(c.amount) * scale_y), w.w) AS path
              FROM (SELECT u.period, u.name, u.amount, array_position(names, u.name) AS place,
                           coalesce(sum(u.amount) OVER (PARTITION BY u.period, u.amount > 0 ORDER BY array_position(names, u.name) ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS below
                    FROM unnest(periods, series, amounts) AS u (period, name, amount) WHERE u.amount <> 0) c,
                   LATERAL (SELECT side + extract(epoch FROM greatest(flexexchange.lower(c.period), since) - since) / seconds * (width - side) AS x0,
                                   side + extract(epoch FROM least(flexexchange.upper(c.period), until) - since) / seconds * (width - side) AS x1) e,
                   LATERAL (SELECT least(1.5, (e.x1 - e.x0) * 0.1) AS gap) g,
                   LATERAL (SELECT flexexchange.chart_xy(greatest(e.x1 - e.x0 - 2 * gap, 0.4)) AS w) w) b
        GROUP BY b.place) s;

  -- the line: a step a period, or the least and greatest of each pixel where there are more of them
  IF cardinality(line_periods) <= width THEN
    SELECT string_agg(CASE WHEN flexexchange.lower(l.period) = l.before THEN format('V%sH%s', y, x1) ELSE format('M%s %sH%s', x0, y, x1) END, '' ORDER BY l.period) INTO line
    FROM (SELECT u.period, u.amount, lag(flexexchange.upper(u.period)) OVER (ORDER BY u.period) AS before FROM unnest(line_periods, line_amounts) AS u (period, amount)) l,
         LATERAL (SELECT flexexchange.chart_xy(side + extract(epoch FROM greatest(flexexchange.lower(l.period), since) - since) / seconds * (width - side)) AS x0,
                         flexexchange.chart_xy(side + extract(epoch FROM least(flexexchange.upper(l.period), until) - since) / seconds * (width - side)) AS x1,
                         flexexchange.chart_xy(zero_y - l.amount * scale_y) AS y) e;
  ELSE
    SELECT string_agg(format('%s%s %sV%s', CASE WHEN l.x = l.before + 1 THEN 'L' ELSE 'M' END, l.x, flexexchange.chart_xy(zero_y - l.least * scale_y), flexexchange.chart_xy(zero_y - l.most * scale_y)), '' ORDER BY l.x) INTO line
    FROM (SELECT p.x, min(u.amount) AS least, max(u.amount) AS most, lag(p.x) OVER (ORDER BY p.x) AS before
          FROM unnest(line_periods, line_amounts) AS u (period, amount),
               LATERAL (SELECT floor(side + extract(epoch FROM greatest(flexexchange.lower(u.period), since) - since) / seconds * (width - side)) AS x) p GROUP BY p.x) l;
  END IF;
  RETURN flexexchange.chart_svg(title, described, width, bottom + 40,
    head.svg || flexexchange.chart_value_axis(ticks, unit, side, width, head.height, bottom) || '<g shape-rendering="crispEdges">' || coalesce(body, '') || '</g>'
      || coalesce(format('<path class="n s9" stroke-width="%s" d="%s"/>', CASE WHEN cardinality(line_periods) <= 100 THEN 2 ELSE 1.2 END, line), '')
      || flexexchange.chart_time_axis(span, zone, side, width, bottom, width), coalesce(cardinality(names), 1));
END
$function$;
COMMENT ON FUNCTION chart_columns(text, text, text, time_window, text, time_window[], text[], numeric[], text, time_window[], numeric[], integer, boolean) IS
  'columns over time, one a period, the series on top of one another from zero (below it what is negative), and, if given, a line of steps before them; three arrays give period, series and amount, two those of the line; more than seven series: the six greatest and the others; the description says the sum of each series or, where amounts do not add up (powers), the greatest; amounts that are no finite number and periods outside the window are left out; errors 22023 for a window without end, 54000 for more than 400 columns';

CREATE FUNCTION chart_axis_width(ticks numeric[]) RETURNS numeric
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN (SELECT max(chart_text_width(chart_number(v, (SELECT max(scale(w)) FROM unnest(ticks) w)), 12)) FROM unnest(ticks) v) + 10;
COMMENT ON FUNCTION chart_axis_width(numeric[]) IS 'the room that the numbers of an upright axis take';

CREATE FUNCTION chart_number_axis(ticks numeric[], unit text, side numeric, far numeric, top numeric, width numeric) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT string_agg(format('<path class="z" d="M%s %sv4"/><text class="m" x="%s" y="%s" text-anchor="middle">%s</text>', flexexchange.chart_xy(t.x), flexexchange.chart_xy(top),
                           flexexchange.chart_xy(greatest(t.half, least(t.x, width - t.half))), flexexchange.chart_xy(top + 17), t.label), '' ORDER BY v)
         || format('<text class="m" x="%s" y="%s" text-anchor="end">%s</text>', flexexchange.chart_xy(far), flexexchange.chart_xy(top + 33), flexexchange.chart_fit(unit, 12, far))
  FROM unnest(ticks) v, (SELECT max(scale(v)) AS decimals FROM unnest(ticks) v) s,
       LATERAL (SELECT side + (v - ticks[1]) / (ticks[cardinality(ticks)] - ticks[1]) * (far - side) AS x, flexexchange.chart_number(v, s.decimals) AS label,
                       flexexchange.chart_text_width(flexexchange.chart_number(v, s.decimals), 12) / 2 AS half) t
$function$;
COMMENT ON FUNCTION chart_number_axis(numeric[], text, numeric, numeric, numeric, numeric) IS
  'an axis of numbers to the right: a tick and its number at each, and the unit below';

CREATE FUNCTION chart_steps(title text, subtitle text, x_unit text, y_unit text, series text[], widths numeric[], heights numeric[], width integer DEFAULT 820) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  names text[];
  described text;
  key text;
  head record;
  x_ticks numeric[];
  y_ticks numeric[];
  side numeric;
  plot CONSTANT numeric := CASE WHEN width < 600 THEN 200.0 ELSE 260.0 END;
  bottom numeric;
  scale_x numeric;
  scale_y numeric;
  body text;
BEGIN
  PERFORM flexexchange.chart_check_width(width);
  title := coalesce(title, '');
  x_unit := coalesce(x_unit, '');
  y_unit := coalesce(y_unit, '');
  WITH given AS (
    SELECT g.name, g.step, g.height, g.place FROM unnest(series, widths, heights) WITH ORDINALITY AS g (name, step, height, place)
    WHERE g.step > 0 AND g.step NOT IN ('NaN', 'Infinity') AND g.height NOT IN ('NaN', 'Infinity', '-Infinity') AND g.name IS NOT NULL
  ), ranked AS (
    SELECT name, sum(step) AS total, row_number() OVER (ORDER BY sum(step) DESC, name COLLATE "C") AS place FROM given GROUP BY name
  )
  SELECT array_agg(g.name ORDER BY r.place, g.place), array_agg(g.step ORDER BY r.place, g.place), array_agg(g.height ORDER BY r.place, g.place),
         (SELECT array_agg(name ORDER BY place) FROM ranked WHERE place <= 7)
    INTO series, widths, heights, names FROM given g JOIN ranked r USING (name) WHERE r.place <= 7;
  IF names IS NULL THEN
    RETURN flexexchange.chart_nothing(title, subtitle, width);
  END IF;
  described := format('Steps of %s over cumulative %s.', y_unit, x_unit)
    || (SELECT string_agg(format(' %s: %s %s, from %s to %s, on average %s.', left(s.name, 100), flexexchange.chart_number(s.total), x_unit,
                                 flexexchange.chart_number(s.first), flexexchange.chart_number(s.last), flexexchange.chart_number(s.mean)), '' ORDER BY s.place)
        FROM (SELECT array_position(names, u.name) AS place, u.name, sum(u.step) AS total, sum(u.step * u.height) / sum(u.step) AS mean,
                     (array_agg(u.height ORDER BY u.place))[1] AS first, (array_agg(u.height ORDER BY u.place DESC))[1] AS last
              FROM unnest(series, widths, heights) WITH ORDINALITY AS u (name, step, height, place) GROUP BY u.name) s);
  key := flexexchange.chart_key(title, described, width);
  head := flexexchange.chart_head(key, title, subtitle, names, ARRAY(SELECT -i FROM generate_series(1, cardinality(names)) i), width);
  y_ticks := (SELECT flexexchange.number_ticks(least(min(h), 0), greatest(max(h), 0), 5) FROM unnest(heights) h);
  x_ticks := (SELECT flexexchange.number_ticks(0, max(s.total), greatest(3, width / 140)) FROM (SELECT sum(u.step) AS total FROM unnest(series, widths) AS u (name, step) GROUP BY u.name) s);
  side := flexexchange.chart_axis_width(y_ticks);
  bottom := head.height + plot;
  scale_x := (width - side - 2) / x_ticks[cardinality(x_ticks)];
  scale_y := plot / (y_ticks[cardinality(y_ticks)] - y_ticks[1]);

  -- steps within one pixel become one, of their mean height; then those of one height
  SELECT string_agg(format('<path class="n s%s" stroke-width="2"%s d="%s"><title>%s</title></path>', l.place, flexexchange.chart_dashes(l.place), l.path, flexexchange.chart_text(names[l.place])), '' ORDER BY l.place DESC) INTO body
  FROM (SELECT m.place, string_agg(CASE WHEN m.first THEN format('M%s %sH%s', flexexchange.chart_xy(side + 1 + m.x0 * scale_x), y.at, x.at) ELSE format('V%sH%s', y.at, x.at) END, '' ORDER BY m.x0) AS path
        FROM (SELECT t.place, min(t.x0) AS x0, max(t.x1) AS x1, sum(t.step * t.height) / sum(t.step) AS height, min(t.x0) = 0 AS first
              FROM (SELECT c.*, floor(c.x0 * scale_x) AS pixel
                    FROM (SELECT array_position(names, u.name) AS place, u.step, u.height,
                                 sum(u.step) OVER (PARTITION BY u.name ORDER BY u.place) - u.step AS x0, sum(u.step) OVER (PARTITION BY u.name ORDER BY u.place) AS x1
                          FROM unnest(series, widths, heights) WITH ORDINALITY AS u (name, step, height, place)) c) t
              GROUP BY t.place, t.pixel) m,
             LATERAL (SELECT flexexchange.chart_xy(bottom - (m.height - y_ticks[1]) * scale_y) AS at) y, LATERAL (SELECT flexexchange.chart_xy(side + 1 + m.x1 * scale_x) AS at) x
        GROUP BY m.place) l;
  RETURN flexexchange.chart_svg(title, described, width, bottom + 40,
    head.svg || flexexchange.chart_value_axis(y_ticks, y_unit, side, width, head.height, bottom) || body || flexexchange.chart_number_axis(x_ticks, x_unit, side + 1, width - 1, bottom, width));
END
$function$;
COMMENT ON FUNCTION chart_steps(text, text, text, text, text[], numeric[], numeric[], integer) IS
  'lines of steps side by side from zero, in the order given: a duration curve where they are sorted; three arrays give series, width and height; at most the seven longest series; what is no finite number, or not wide, is left out';

CREATE FUNCTION chart_blocks(
  title text, subtitle text, x_unit text, y_unit text, classes text[], names text[], widths numeric[], heights numeric[],
  x_mark numeric DEFAULT NULL, x_mark_name text DEFAULT NULL, y_mark numeric DEFAULT NULL, y_mark_name text DEFAULT NULL, width integer DEFAULT 820, class_order text[] DEFAULT '{}') RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  kinds text[];
  described text;
  key text;
  head record;
  x_ticks numeric[];
  y_ticks numeric[];
  side numeric;
  plot CONSTANT numeric := CASE WHEN width < 600 THEN 200.0 ELSE 260.0 END;
  bottom numeric;
  scale_x numeric;
  scale_y numeric;
  zero_y numeric;
  body text;
  marks text := '';
  at numeric;
  room numeric;
BEGIN
  PERFORM flexexchange.chart_check_width(width);
  title := coalesce(title, '');
  x_unit := coalesce(x_unit, '');
  y_unit := coalesce(y_unit, '');
  SELECT array_agg(g.class ORDER BY g.place), array_agg(g.name ORDER BY g.place), array_agg(g.step ORDER BY g.place), array_agg(g.height ORDER BY g.place)
    INTO classes, names, widths, heights
  FROM unnest(classes, names, widths, heights) WITH ORDINALITY AS g (class, name, step, height, place)
  WHERE g.step > 0 AND g.step NOT IN ('NaN', 'Infinity') AND g.height NOT IN ('NaN', 'Infinity', '-Infinity') AND g.class IS NOT NULL;
  IF classes IS NULL THEN
    RETURN flexexchange.chart_nothing(title, subtitle, width);
  END IF;
  kinds := ARRAY(SELECT u.class FROM unnest(classes) WITH ORDINALITY AS u (class, place) GROUP BY u.class ORDER BY array_position(class_order, u.class), min(u.place) LIMIT 7);
  described := format('%s side by side, of %s over cumulative %s.', flexexchange.chart_count(cardinality(classes), 'block'), y_unit, x_unit)
    || (SELECT string_agg(format(' %s: %s, %s %s, from %s to %s.', left(s.class, 100), flexexchange.chart_count(s.number, 'block'), flexexchange.chart_number(s.total), x_unit, flexexchange.chart_number(s.low), flexexchange.chart_number(s.high)), '' ORDER BY s.place)
        FROM (SELECT u.class, array_position(kinds, u.class) AS place, count(*) AS number, sum(u.step) AS total, min(u.height) AS low, max(u.height) AS high
              FROM unnest(classes, widths, heights) AS u (class, step, height) WHERE u.class = ANY (kinds) GROUP BY u.class) s)
    || CASE WHEN x_mark IS NULL THEN '' ELSE format(' At %s %s: %s.', flexexchange.chart_number(x_mark), x_unit, x_mark_name) END
    || CASE WHEN y_mark IS NULL THEN '' ELSE format(' At %s %s: %s.', flexexchange.chart_number(y_mark), y_unit, y_mark_name) END;
  x_mark_name := coalesce(x_mark_name, '');
  y_mark_name := coalesce(y_mark_name, '');
  key := flexexchange.chart_key(title, described, width);
  head := flexexchange.chart_head(key, title, subtitle, kinds, ARRAY(SELECT generate_series(1, cardinality(kinds))), width);
  y_ticks := (SELECT flexexchange.number_ticks(least(min(h), 0, y_mark), greatest(max(h), 0, y_mark), 5) FROM unnest(heights) h);
  x_ticks := flexexchange.number_ticks(0, greatest((SELECT sum(w) FROM unnest(widths) w), x_mark), greatest(3, width / 140));
  side := flexexchange.chart_axis_width(y_ticks);
  bottom := head.height + plot;
  scale_x := (width - side - 2) / x_ticks[cardinality(x_ticks)];
  scale_y := plot / (y_ticks[cardinality(y_ticks)] - y_ticks[1]);
  zero_y := bottom + y_ticks[1] * scale_y;

  -- where there are more blocks than can be told apart, those of a pixel and a half become one, of their mean height and of the class of most of them
  SELECT string_agg(format('<path %s d="M%s %sV%sH%sV%sz"><title>%s</title></path>', flexexchange.chart_fill(key, m.place), flexexchange.chart_xy(side + 1 + m.x0 * scale_x + m.gap), flexexchange.chart_xy(zero_y),
                           flexexchange.chart_xy(zero_y - m.height * scale_y - CASE WHEN abs(m.height) * scale_y < 0.5 THEN 0.5 ELSE 0 END), flexexchange.chart_xy(side + 1 + m.x1 * scale_x - m.gap), flexexchange.chart_xy(zero_y),
                           flexexchange.chart_text(CASE WHEN m.number = 1 THEN format('%s, %s: %s %s at %s', left(m.name, 60), kinds[m.place], flexexchange.chart_number(m.x1 - m.x0), x_unit, flexexchange.chart_number(m.height))
                                                        ELSE format('%s blocks at about %s', m.number, flexexchange.chart_number(m.height)) END)), '' ORDER BY m.x0) INTO body
  FROM (SELECT mode() WITHIN GROUP (ORDER BY g.place) AS place, min(g.x0) AS x0, max(g.x1) AS x1, count(*) AS number, min(g.name) AS name, sum(g.step * g.height) / sum(g.step) AS height,
               CASE WHEN cardinality(classes) * 8 <= width THEN 0.5 ELSE 0 END AS gap
        FROM (SELECT s.*, CASE WHEN cardinality(classes) * 3 <= width THEN s.number ELSE floor(s.x0 * scale_x / 1.5) END AS pixel
              FROM (SELECT coalesce(array_position(kinds, u.class), 7) AS place, u.place AS number, u.name, u.step, u.height, sum(u.step) OVER (ORDER BY u.place) - u.step AS x0, sum(u.step) OVER (ORDER BY u.place) AS x1
                    FROM unnest(classes, names, widths, heights) WITH ORDINALITY AS u (class, name, step, height, place)) s) g
        GROUP BY g.pixel) m;
  -- the marks, each named beside itself on the side where there is room
  IF y_mark IS NOT NULL THEN
    at := zero_y - y_mark * scale_y;
    marks := format('<path class="n s9" stroke-width="1.5" stroke-dasharray="6 3" d="M%s %sH%s"/>', flexexchange.chart_xy(side), flexexchange.chart_xy(at), width)
      || format('<text x="%s" y="%s" font-weight="600">%s</text>', flexexchange.chart_xy(side + 6), flexexchange.chart_xy(at - 5), flexexchange.chart_fit(y_mark_name, 13.5, width - side - 6));
  END IF;
  IF x_mark IS NOT NULL THEN
    at := side + 1 + x_mark * scale_x;
    room := flexexchange.chart_text_width(x_mark_name, 13.5) + 6;
    marks := marks || format('<path class="n s9" stroke-width="1.5" d="M%s %sV%s"/>', flexexchange.chart_xy(at), flexexchange.chart_xy(head.height - 8), flexexchange.chart_xy(bottom))
      || format('<text x="%s" y="%s" font-weight="600" text-anchor="%s">%s</text>', flexexchange.chart_xy(CASE WHEN at + room > width THEN at - 5 ELSE at + 5 END), flexexchange.chart_xy(head.height),
                CASE WHEN at + room > width THEN 'end' ELSE 'start' END, flexexchange.chart_fit(x_mark_name, 13.5, CASE WHEN at + room > width THEN at - 5 ELSE width - at - 5 END));
  END IF;
  RETURN flexexchange.chart_svg(title, described, width, bottom + 40,
    head.svg || flexexchange.chart_value_axis(y_ticks, y_unit, side, width, head.height, bottom) || '<g shape-rendering="crispEdges">' || body || '</g>' || marks || flexexchange.chart_number_axis(x_ticks, x_unit, side + 1, width - 1, bottom, width), cardinality(kinds));
END
$function$;
COMMENT ON FUNCTION chart_blocks(text, text, text, text, text[], text[], numeric[], numeric[], numeric, text, numeric, text, integer, text[]) IS
  'blocks side by side from zero in the order given, filled by class, the classes in the order named, then as they come: a merit order where they are sorted by price; four arrays give class, name, width and height; a mark across (a need) and one along (a ceiling) may be named';

CREATE FUNCTION chart_bars(title text, subtitle text, unit text, labels text[], series text[], amounts numeric[], width integer DEFAULT 820, most integer DEFAULT 12) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  names text[];
  rows_said text[];
  totals numeric[];
  described text;
  key text;
  head record;
  longest numeric;
  room numeric;
  body text;
BEGIN
  PERFORM flexexchange.chart_check_width(width);
  title := coalesce(title, '');
  unit := coalesce(unit, '');
  WITH given AS (
    SELECT g.label, coalesce(g.name, '') AS name, sum(g.amount) AS amount FROM unnest(labels, series, amounts) AS g (label, name, amount)
    WHERE g.amount > 0 AND g.amount NOT IN ('NaN', 'Infinity') AND g.label IS NOT NULL GROUP BY 1, 2
  ), ranked AS (
    SELECT label, row_number() OVER (ORDER BY sum(amount) DESC, label COLLATE "C") AS place, count(*) OVER () AS number FROM given GROUP BY label
  ), drawn AS (
    SELECT CASE WHEN r.place < most OR r.number = most THEN r.label ELSE format('%s others', r.number - most + 1) END AS label, least(r.place, most) AS place, g.name, sum(g.amount) AS amount
    FROM given g JOIN ranked r USING (label) GROUP BY 1, 2, 3
  )
  SELECT array_agg(label ORDER BY place, name), array_agg(name ORDER BY place, name), array_agg(amount ORDER BY place, name),
         (SELECT array_agg(s.name ORDER BY s.first) FROM (SELECT coalesce(g.name, '') AS name, min(g.place) AS first FROM unnest(series, amounts) WITH ORDINALITY AS g (name, amount, place) WHERE g.amount > 0 GROUP BY 1 ORDER BY 2 LIMIT 7) s),
         (SELECT array_agg(s.label ORDER BY s.place) FROM (SELECT DISTINCT label, place FROM drawn) s),
         (SELECT array_agg(s.total ORDER BY s.place) FROM (SELECT place, sum(amount) AS total FROM drawn GROUP BY place) s)
    INTO labels, series, amounts, names, rows_said, totals FROM drawn;
  IF names IS NULL THEN
    RETURN flexexchange.chart_nothing(title, subtitle, width);
  END IF;
  described := format('Bars in %s.', unit)
    || (SELECT string_agg(format(' %s: %s%s.', left(r.label, 100), flexexchange.chart_number(r.total),
                                 CASE WHEN cardinality(names) > 1 THEN (SELECT ' (' || string_agg(format('%s %s', left(u.name, 60), flexexchange.chart_number(u.amount)), ', ' ORDER BY array_position(names, u.name)) || ')'
                                                                        FROM unnest(labels, series, amounts) AS u (label, name, amount) WHERE u.label = r.label) ELSE '' END), '' ORDER BY r.place)
        FROM unnest(rows_said, totals) WITH ORDINALITY AS r (label, total, place));
  key := flexexchange.chart_key(title, described, width);
  head := flexexchange.chart_head(key, title, subtitle, CASE WHEN cardinality(names) > 1 THEN names END, CASE WHEN cardinality(names) > 1 THEN ARRAY(SELECT generate_series(1, cardinality(names))) END, width);
  longest := (SELECT max(t) FROM unnest(totals) t);
  room := width - (SELECT max(flexexchange.chart_text_width(flexexchange.chart_number(t) || ' ' || unit, 12)) FROM unnest(totals) t) - 8;
  SELECT string_agg(format('<text x="0" y="%s">%s</text>', flexexchange.chart_xy(y.at - 4), flexexchange.chart_fit(r.label, 12, width)) || b.bars
                    || format('<text class="m" x="%s" y="%s">%s</text>', flexexchange.chart_xy(r.total / longest * room + 6), flexexchange.chart_xy(y.at + 11), flexexchange.chart_text(flexexchange.chart_number(r.total) || ' ' || unit, 60)), '' ORDER BY r.place)
    INTO body
  FROM unnest(rows_said, totals) WITH ORDINALITY AS r (label, total, place), LATERAL (SELECT head.height - 8 + (r.place - 1) * 38 AS at) y,
       LATERAL (SELECT string_agg(format('<path %s d="M%s %sh%sv14h-%sz"><title>%s</title></path>', flexexchange.chart_fill(key, s.place), flexexchange.chart_xy(s.x / longest * room), flexexchange.chart_xy(y.at), w.w, w.w,
                                         flexexchange.chart_text(format('%s%s: %s %s', left(r.label, 60), CASE WHEN s.name = '' THEN '' ELSE ', ' || left(s.name, 60) END, flexexchange.chart_number(s.amount), unit))), '' ORDER BY s.place) AS bars
                FROM (SELECT u.name, u.amount, coalesce(array_position(names, u.name), 7) AS place,
                             sum(u.amount) OVER (ORDER BY array_position(names, u.name), u.name COLLATE "C") - u.amount AS x
                      FROM unnest(labels, series, amounts) AS u (label, name, amount) WHERE u.label = r.label) s,
                     LATERAL (SELECT flexexchange.chart_xy(greatest(s.amount / longest * room, 0.5)) AS w) w) b;
  RETURN flexexchange.chart_svg(title, described, width, head.height - 8 + cardinality(rows_said) * 38 - 18, head.svg || body, cardinality(names));
END
$function$;
COMMENT ON FUNCTION chart_bars(text, text, text, text[], text[], numeric[], integer, integer) IS
  'bars lying below their labels, the longest first, the series of each end to end in the order in which they first come, the sum beside it; three arrays give label, series (NULL: none) and amount; more labels than the most given: the greatest and the others; amounts not above zero are left out';

CREATE FUNCTION chart_timeline(
  title text, subtitle text, span time_window, zone text, lanes text[], windows time_window[], labels text[],
  mark_windows time_window[] DEFAULT NULL, marks text[] DEFAULT NULL, width integer DEFAULT 820) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  since CONSTANT timestamptz := flexexchange.lower(span);
  until CONSTANT timestamptz := flexexchange.upper(span);
  scale_x numeric;
  described text;
  key text;
  head record;
  y numeric;
  first_y numeric;
  lane record;
  bar record;
  ends numeric[];
  said_until numeric[];
  row_of integer;
  body text := '';
  bands text;
  room numeric;
  before_until numeric;
  labelled boolean;
  many boolean;
  starts numeric[];
  stops numeric[];
  path text;
  number numeric;
BEGIN
  PERFORM flexexchange.chart_check_width(width);
  title := coalesce(title, '');
  IF span IS NULL OR NOT (isfinite(since) AND isfinite(until)) THEN
    RAISE EXCEPTION 'a chart over %', coalesce(span::text, 'NULL') USING ERRCODE = 'invalid_parameter_value', HINT = 'Give a window with a beginning and an end.';
  END IF;
  IF NOT EXISTS (SELECT FROM unnest(lanes, windows) AS g (lane, w) WHERE g.lane IS NOT NULL AND flexexchange.time_window_overlaps(g.w, span)) THEN
    RETURN flexexchange.chart_nothing(title, subtitle, width);
  END IF;
  scale_x := (width - 2) / extract(epoch FROM until - since);
  described := format('Bars over time, from %s to %s.', flexexchange.chart_instant(since, zone), flexexchange.chart_instant(until, zone))
    || (SELECT string_agg(format(' %s: %s.', left(s.lane, 100), CASE WHEN s.number > 3 THEN s.number || ' bars' ELSE s.said END), '' ORDER BY s.first, s.lane COLLATE "C")
        FROM (SELECT g.lane, (array_agg(g.w ORDER BY g.w))[1] AS first, count(*) AS number,
                     string_agg(format('%s from %s to %s', coalesce(left(g.label, 60), ''), flexexchange.chart_instant(flexexchange.lower(g.w), zone), flexexchange.chart_instant(flexexchange.upper(g.w), zone)), ', ' ORDER BY g.w, g.label COLLATE "C") AS said
              FROM unnest(lanes, windows, labels) AS g (lane, w, label) WHERE g.lane IS NOT NULL AND flexexchange.time_window_overlaps(g.w, span) GROUP BY g.lane) s)
    || coalesce((SELECT string_agg(format(' Marked %s: %s, first from %s to %s.', left(s.mark, 100), CASE s.number WHEN 1 THEN 'once' ELSE s.number || ' times' END, flexexchange.chart_instant(flexexchange.lower(s.first), zone), flexexchange.chart_instant(flexexchange.upper(s.first), zone)), '' ORDER BY s.mark COLLATE "C")
                 FROM (SELECT g.mark, count(*) AS number, (array_agg(g.w ORDER BY g.w))[1] AS first FROM unnest(marks, mark_windows) AS g (mark, w) WHERE flexexchange.time_window_overlaps(g.w, span) GROUP BY g.mark) s), '');
  key := flexexchange.chart_key(title, described, width);
  head := flexexchange.chart_head(key, title, subtitle, NULL, NULL, width);
  y := head.height - 12;
  first_y := y;

  -- a lane has as many rows as bars lie over one another, at most four
  FOR lane IN
    SELECT s.lane, s.fill FROM (
      SELECT g.lane, 1 AS fill, (array_agg(g.w ORDER BY g.w))[1] AS first FROM unnest(lanes, windows) AS g (lane, w) WHERE g.lane IS NOT NULL AND flexexchange.time_window_overlaps(g.w, span) GROUP BY g.lane
      UNION ALL
      SELECT g.mark, 8, (array_agg(g.w ORDER BY g.w))[1] FROM unnest(marks, mark_windows) AS g (mark, w) WHERE g.mark IS NOT NULL AND flexexchange.time_window_overlaps(g.w, span) GROUP BY g.mark) s
    ORDER BY s.fill, s.first, s.lane COLLATE "C" LIMIT 24
  LOOP
    y := y + 17;
    SELECT array_agg(p.x0 ORDER BY p.x0, p.x1), array_agg(p.x1 ORDER BY p.x0, p.x1), count(*) <= 24, count(*) > 60 INTO starts, stops, labelled, many
    FROM (SELECT u.lane, u.w FROM unnest(lanes, windows) AS u (lane, w) WHERE lane.fill = 1 UNION ALL SELECT u.lane, u.w FROM unnest(marks, mark_windows) AS u (lane, w) WHERE lane.fill = 8) g,
         LATERAL (SELECT 1 + extract(epoch FROM greatest(flexexchange.lower(g.w), since) - since) * scale_x AS x0, 1 + extract(epoch FROM least(flexexchange.upper(g.w), until) - since) * scale_x AS x1) p
    WHERE g.lane = lane.lane AND flexexchange.time_window_overlaps(g.w, span);
    body := body || format('<text x="1" y="%s"%s>%s</text>', flexexchange.chart_xy(y - 4), CASE WHEN lane.fill = 8 THEN ' font-weight="600"' ELSE '' END, flexexchange.chart_fit(lane.lane, 13.5, width - 2));
    IF many THEN
      -- one path of what is apart by more than a pixel
      SELECT string_agg(format('M%s %sh%sv18h-%sz', flexexchange.chart_xy(i.x0), flexexchange.chart_xy(y), w.w, w.w), '' ORDER BY i.x0), max(i.number) INTO path, number
      FROM (SELECT min(o.x0) AS x0, max(o.x1) AS x1, sum(count(*)) OVER () AS number
            FROM (SELECT n.*, count(*) FILTER (WHERE n.x0 > n.until + 1) OVER (ORDER BY n.x0, n.x1) AS island
                  FROM (SELECT p.x0, p.x1, max(p.x1) OVER (ORDER BY p.x0, p.x1 ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS until FROM unnest(starts, stops) AS p (x0, x1)) n) o
            GROUP BY o.island) i, LATERAL (SELECT flexexchange.chart_xy(greatest(i.x1 - i.x0, 1.5)) AS w) w;
      body := body || format('<path %s d="%s"><title>%s</title></path>', flexexchange.chart_fill(key, lane.fill), path, flexexchange.chart_text(format('%s: %s', lane.lane, number)));
      y := y + 24;
      CONTINUE;
    END IF;
    ends := '{}';
    said_until := '{}';
    FOR bar IN
      SELECT least(p.x0, width - 3) AS x0, greatest(p.x1, least(p.x0, width - 3) + 2) AS x1, g.label AS said,
             concat_ws(', ', left(g.label, 60), format('%s to %s', flexexchange.chart_instant(flexexchange.lower(g.w), zone), flexexchange.chart_instant(flexexchange.upper(g.w), zone))) AS tip,
             lead(p.x0) OVER (ORDER BY p.x0, p.x1 DESC, g.w, g.label COLLATE "C") AS next
      FROM (SELECT u.lane, u.w, u.label FROM unnest(lanes, windows, labels) AS u (lane, w, label) WHERE lane.fill = 1
            UNION ALL SELECT u.lane, u.w, NULL FROM unnest(marks, mark_windows) AS u (lane, w) WHERE lane.fill = 8) g,
           LATERAL (SELECT 1 + extract(epoch FROM greatest(flexexchange.lower(g.w), since) - since) * scale_x AS x0, 1 + extract(epoch FROM least(flexexchange.upper(g.w), until) - since) * scale_x AS x1) p
      WHERE g.lane = lane.lane AND flexexchange.time_window_overlaps(g.w, span)
      ORDER BY p.x0, p.x1 DESC, g.w, g.label COLLATE "C"
    LOOP
      row_of := coalesce((SELECT min(i) FROM generate_subscripts(ends, 1) i WHERE ends[i] <= bar.x0 + 0.1), least(cardinality(ends) + 1, 4));
      before_until := said_until[row_of];
      body := body || format('<path %s d="M%s %sh%sv18h-%sz"><title>%s</title></path>', flexexchange.chart_fill(key, lane.fill), flexexchange.chart_xy(bar.x0), flexexchange.chart_xy(y + (row_of - 1) * 20),
                             flexexchange.chart_xy(bar.x1 - bar.x0), flexexchange.chart_xy(bar.x1 - bar.x0), flexexchange.chart_text(lane.lane || ': ' || bar.tip));
      -- the label goes into the bar, after it or before it, as there is room
      room := flexexchange.chart_text_width(coalesce(bar.said, ''), 12);
      said_until[row_of] := greatest(coalesce(said_until[row_of], 0), bar.x1);
      IF bar.said IS NULL OR NOT labelled THEN
        NULL;
      ELSIF room + 8 <= bar.x1 - bar.x0 THEN
        body := body || format('<text class="i" x="%s" y="%s">%s</text>', flexexchange.chart_xy(bar.x0 + 4), flexexchange.chart_xy(y + (row_of - 1) * 20 + 13), flexexchange.chart_text(bar.said));
      ELSIF bar.x1 + 4 + room <= least(coalesce(bar.next - 2, width), width) THEN
        body := body || format('<text class="m" x="%s" y="%s">%s</text>', flexexchange.chart_xy(bar.x1 + 4), flexexchange.chart_xy(y + (row_of - 1) * 20 + 13), flexexchange.chart_text(bar.said));
        said_until[row_of] := bar.x1 + 6 + room;
      ELSIF bar.x0 - 4 - room >= coalesce(before_until, 0) THEN
        body := body || format('<text class="m" x="%s" y="%s" text-anchor="end">%s</text>', flexexchange.chart_xy(bar.x0 - 4), flexexchange.chart_xy(y + (row_of - 1) * 20 + 13), flexexchange.chart_text(bar.said));
      END IF;
      ends[row_of] := bar.x1;
    END LOOP;
    y := y + cardinality(ends) * 20 + 4;
  END LOOP;
  -- bands through all lanes where something is marked
  SELECT '<path class="c8" fill-opacity="0.14" d="' || string_agg(format('M%s %sH%sV%sH%sz', b.x0, flexexchange.chart_xy(first_y), b.x1, flexexchange.chart_xy(y), b.x0), '' ORDER BY b.at) || '"/>' INTO bands
  FROM (SELECT p.x0 AS at, flexexchange.chart_xy(p.x0) AS x0, flexexchange.chart_xy(greatest(p.x1, p.x0 + 1)) AS x1
        FROM (SELECT min(1 + extract(epoch FROM greatest(flexexchange.lower(g.w), since) - since) * scale_x) AS x0, max(1 + extract(epoch FROM least(flexexchange.upper(g.w), until) - since) * scale_x) AS x1
              FROM unnest(mark_windows) AS g (w) WHERE flexexchange.time_window_overlaps(g.w, span) GROUP BY floor(extract(epoch FROM greatest(flexexchange.lower(g.w), since) - since) * scale_x)) p) b;
  RETURN flexexchange.chart_svg(title, described, width, y + 42, head.svg || coalesce(bands, '') || body || format('<path class="z" d="M1 %sH%s"/>', flexexchange.chart_xy(y), width - 1)
    || flexexchange.chart_time_axis(span, zone, 1, width - 1, y, width), 8);
END
$function$;
COMMENT ON FUNCTION chart_timeline(text, text, time_window, text, text[], time_window[], text[], time_window[], text[], integer) IS
  'bars over time in named lanes, those that overlap below one another, and marks, which have lanes of their own and a band through all of them; three arrays give lane, window and label, two the windows and names of the marks; at most 24 lanes; a lane of more than sixty bars has one path for those that touch; error 22023 for a window without end';

-- ---------------------------------------------------------------- tables

CREATE FUNCTION html_table(caption text, headings text[], cells text[], texts integer DEFAULT 1, words text DEFAULT 'Nothing in this window.') RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT '<div class="scroll" role="region" tabindex="0" aria-label="' || flexexchange.chart_text(caption) || '"><table><caption><span>' || flexexchange.chart_text(caption, 400) || '</span></caption><thead><tr>'
         || (SELECT string_agg(format('<th scope="col"%s>%s</th>', CASE WHEN h.place > texts THEN ' class="n"' ELSE '' END, flexexchange.chart_text(h.words)), '' ORDER BY h.place) FROM unnest(headings) WITH ORDINALITY AS h (words, place))
         || '</tr></thead><tbody>'
         || coalesce((SELECT string_agg(r.cells, '' ORDER BY r.number)
                      FROM (SELECT (c.place - 1) / cardinality(headings) AS number,
                                   '<tr>' || string_agg(CASE WHEN p.at = 1 THEN format('<th scope="row" dir="auto">%s</th>', flexexchange.chart_text(coalesce(c.words, ''), 1000))
                                                             WHEN p.at > texts THEN format('<td class="n">%s</td>', coalesce(flexexchange.chart_text(c.words, 1000), '&#8211;'))
                                                             ELSE format('<td%s dir="auto">%s</td>', CASE WHEN length(c.words) > 24 THEN ' class="long"' ELSE '' END, coalesce(flexexchange.chart_text(c.words, 1000), '&#8211;')) END, '' ORDER BY c.place) || '</tr>' AS cells
                            FROM unnest(cells) WITH ORDINALITY AS c (words, place), LATERAL (SELECT (c.place - 1) % cardinality(headings) + 1 AS at) p GROUP BY 1) r),
                     format('<tr><td colspan="%s">%s</td></tr>', cardinality(headings), flexexchange.chart_text(words)))
         || '</tbody></table></div>'
$function$;
COMMENT ON FUNCTION html_table(text, text[], text[], integer, text) IS
  'an HTML table: caption, headings, and cells row by row, the first of a row heading it; so many columns are of text, the others of numbers, to the right; in a box of its own that scrolls where the table is wider than the page; what is said where there is no row';
