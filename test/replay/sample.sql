-- An invented excerpt in the form of the public files: four hours of two zones, five blocks, tenders of seven lots.
--
-- Hour 1 has one price, 30; in hour 2 the line is full at 20 and the prices are 30 and 50. Block early is accepted, dear rejected; paradox is in the money at those prices, 12 x 40 ahead in hour 2 and 8 x 40
-- behind in hour 1, but would take the price of hour 2 down to 30. In hour 3 steps of both zones stand at the price of 40, and three quarters of each are taken. In hour 4 block trimmed is published as accepted, though
-- the zone balances with half of it only; then 100 of 100 at 10 are used up and any price from 10 to 30 clears. The last lots of the tenders have a rejection that merit explains, and one that nothing does: its twin was accepted.

COPY replay.step FROM stdin (FORMAT csv);
2025-04-01T00:00:00+02:00,2025-04-01,1,NORTH,supply,10.0,100.0
2025-04-01T00:00:00+02:00,2025-04-01,1,NORTH,supply,30.0,100.0
2025-04-01T00:00:00+02:00,2025-04-01,1,NORTH,demand,4000.0,80.0
2025-04-01T00:00:00+02:00,2025-04-01,1,SOUTH,supply,50.0,50.0
2025-04-01T00:00:00+02:00,2025-04-01,1,SOUTH,demand,4000.0,60.0
2025-04-01T00:00:00+02:00,2025-04-01,1,SOUTH,demand,20.0,20.0
2025-04-01T01:00:00+02:00,2025-04-01,2,NORTH,supply,10.0,100.0
2025-04-01T01:00:00+02:00,2025-04-01,2,NORTH,supply,30.0,100.0
2025-04-01T01:00:00+02:00,2025-04-01,2,NORTH,demand,4000.0,80.0
2025-04-01T01:00:00+02:00,2025-04-01,2,SOUTH,supply,50.0,50.0
2025-04-01T01:00:00+02:00,2025-04-01,2,SOUTH,demand,4000.0,60.0
2025-04-01T02:00:00+02:00,2025-04-01,3,NORTH,supply,10.0,100.0
2025-04-01T02:00:00+02:00,2025-04-01,3,NORTH,supply,40.0,30.0
2025-04-01T02:00:00+02:00,2025-04-01,3,NORTH,demand,4000.0,80.0
2025-04-01T02:00:00+02:00,2025-04-01,3,SOUTH,supply,40.0,10.0
2025-04-01T02:00:00+02:00,2025-04-01,3,SOUTH,demand,4000.0,50.0
2025-04-01T03:00:00+02:00,2025-04-01,4,NORTH,supply,10.0,100.0
2025-04-01T03:00:00+02:00,2025-04-01,4,NORTH,supply,30.0,100.0
2025-04-01T03:00:00+02:00,2025-04-01,4,NORTH,demand,4000.0,60.0
2025-04-01T03:00:00+02:00,2025-04-01,4,SOUTH,demand,4000.0,50.0
\.
COPY replay.block FROM stdin (FORMAT csv);
2025-04-01T00:00:00+02:00,2025-04-01,base,1,SOUTH,demand,3.0,700.0,ACC
2025-04-01T01:00:00+02:00,2025-04-01,base,2,SOUTH,demand,1.0,700.0,ACC
2025-04-01T00:00:00+02:00,2025-04-01,early,1,SOUTH,supply,10.0,25.0,ACC
2025-04-01T01:00:00+02:00,2025-04-01,early,2,SOUTH,supply,10.0,25.0,ACC
2025-04-01T00:00:00+02:00,2025-04-01,dear,1,SOUTH,supply,10.0,60.0,REJ
2025-04-01T01:00:00+02:00,2025-04-01,dear,2,SOUTH,supply,10.0,60.0,REJ
2025-04-01T00:00:00+02:00,2025-04-01,paradox,1,SOUTH,supply,40.0,38.0,PREJ
2025-04-01T01:00:00+02:00,2025-04-01,paradox,2,SOUTH,supply,40.0,38.0,PREJ
2025-04-01T03:00:00+02:00,2025-04-01,trimmed,4,SOUTH,supply,20.0,15.0,ACC
\.
COPY replay.line FROM stdin (FORMAT csv);
2025-04-01T00:00:00+02:00,2025-04-01,1,NORTH,SOUTH,100.0,100.0
2025-04-01T01:00:00+02:00,2025-04-01,2,NORTH,SOUTH,20.0,100.0
2025-04-01T02:00:00+02:00,2025-04-01,3,NORTH,SOUTH,100.0,100.0
2025-04-01T03:00:00+02:00,2025-04-01,4,NORTH,SOUTH,100.0,100.0
\.
COPY replay.exchange FROM stdin (FORMAT csv);
2025-04-01T00:00:00+02:00,2025-04-01,1,NORTH,ABROAD,5.5
2025-04-01T01:00:00+02:00,2025-04-01,2,NORTH,ABROAD,5.5
2025-04-01T01:00:00+02:00,2025-04-01,2,SOUTH,ISLAND,-0.5
\.
COPY replay.published_price FROM stdin (FORMAT csv);
2025-04-01T00:00:00+02:00,2025-04-01,1,NORTH,30.0
2025-04-01T00:00:00+02:00,2025-04-01,1,SOUTH,30.0
2025-04-01T00:00:00+02:00,2025-04-01,1,ABROAD,30.0
2025-04-01T01:00:00+02:00,2025-04-01,2,NORTH,30.0
2025-04-01T01:00:00+02:00,2025-04-01,2,SOUTH,50.0
2025-04-01T01:00:00+02:00,2025-04-01,2,ABROAD,30.0
2025-04-01T02:00:00+02:00,2025-04-01,3,NORTH,40.0
2025-04-01T02:00:00+02:00,2025-04-01,3,SOUTH,40.0
2025-04-01T03:00:00+02:00,2025-04-01,4,NORTH,20.0
2025-04-01T03:00:00+02:00,2025-04-01,4,SOUTH,20.0
\.
COPY replay.published_flow FROM stdin (FORMAT csv);
2025-04-01T00:00:00+02:00,2025-04-01,1,NORTH,SOUTH,53.0
2025-04-01T01:00:00+02:00,2025-04-01,2,NORTH,SOUTH,20.0
2025-04-01T02:00:00+02:00,2025-04-01,3,NORTH,SOUTH,42.5
2025-04-01T03:00:00+02:00,2025-04-01,4,NORTH,SOUTH,40.0
\.
COPY flexibility_tender_staging (zone_code, product, opportunity_name, trade_windows, peak_tendered_kw, ceiling_availability_price, ceiling_utilisation_price, ceiling_sustain_price,
  company_name, offered_kw, offered_availability_price, offered_utilisation_price, offered_sustain_price, trade_outcome, accepted_kw, awarded_availability_price, awarded_utilisation_price, awarded_sustain_price, technology_type) FROM stdin (FORMAT csv);
CMZ_1,Secure,Short,"""2024""",100,40,60,0,Volt Limited,10,40,60,0,Accepted,10,40,60,0,EV charge point
CMZ_1,Secure,Short,"""2024""",100,40,60,0,Volt Limited,10,40,60,0,Accepted,10,40,60,0,Household demand
CMZ_1,Secure,Short,"""2024""",100,40,60,0,Amber Ltd,20,30,45,0,Accepted,20,40,60,0,Battery
CMZ_1,Secure,Short,"""2024""",100,40,60,0,Zero plc,0,0,0,0,Rejected,0,0,0,0,Battery
CMZ_1,Sustain,Nobody,"""2024""",100,0,0,22.48,0,0,0,0,0,No response received,0,0,0,0,
CMZ_2,Sustain,Exact,"""2024""",15,0,0,22.48,Volt Limited,15,0,0,22.48,Accepted,15,0,0,22.48,Battery
CMZ_3,Secure,Over,"""2024""",10,40,60,0,Volt Limited,8,20,30,0,Accepted,8,30,45,0,Battery
CMZ_3,Secure,Over,"""2024""",10,40,60,0,Amber Ltd,20,30,45,0,Accepted,20,30,45,0,Battery
CMZ_3,Secure,Over,"""2024""",10,40,60,0,Zero plc,5,40,60,0,Rejected,0,0,0,0,Battery
CMZ_3,Sustain,At the ceiling,"""2024""",63,0,0,20.03,Volt Limited,2.74,0,0,20.03,Accepted,2.74,0,0,20.03,Battery
CMZ_4,Secure,One way,"""June""",4,40,60,0,Volt Limited,10,40,60,0,Accepted,10,40,60,0,Battery
CMZ_4,Secure,The other,"""July""",4,40,60,0,Volt Limited,10,40,60,0,Rejected,0,0,0,0,Battery
\.
COPY dispatch_instruction_staging FROM stdin (FORMAT csv);
Amber Cars,mill-1,Mill Lane,Scheduled Availability,2024-06-03T17:00:00+01:00,2024-06-03T20:00:00+01:00,0.0,0.02,0.0,400.5,0.0,0.06,EV Charger DSR,demand_turn_down,3.0,api,2024-06-03 16:00:00+00:00,2024-06-03 19:00:00+00:00,16:00:00+00:00
Amber Cars,mill-1,Mill Lane,Scheduled Availability,2024-06-03T16:00:00+01:00,2024-06-03T20:00:00+01:00,0.04,0.0,25.01,0.0,0.16,0.0,EV Charger DSR,demand_turn_down,4.0,api,2024-06-03 15:00:00+00:00,2024-06-03 19:00:00+00:00,15:00:00+00:00
Bolt & Co,mill-2,Mill Lane,Peak Reduction,2024-07-01T00:00:00+01:00,2024-07-01T00:30:00+01:00,0.0,0.01,0.0,209.3,0.0,0.01,EV Charger DSR,demand_turn_down,0.5,api,2024-06-30 23:00:00+00:00,2024-06-30 23:30:00+00:00,23:00:00+00:00
Bolt & Co,mill-2,Mill Lane,Peak Reduction,2024-07-01T00:00:00+01:00,2024-07-01T00:30:00+01:00,0.0,0.01,0.0,209.3,0.0,0.01,EV Charger DSR,demand_turn_down,0.5,api,2024-06-30 23:00:00+00:00,2024-06-30 23:30:00+00:00,23:00:00+00:00
Bolt & Co,mill-2,Mill Lane,Peak Reduction,2024-07-02T18:00:00+01:00,2024-07-02T19:30:00+01:00,0.0,0.01,0.0,99.99,0.0,0.02,EV Charger DSR,demand_turn_down,1.5,api,2024-07-02 17:00:00+00:00,2024-07-02 18:30:00+00:00,17:00:00+00:00
\.

-- An invented household: 150 days that go up and down with the hour and the weekday, one half-hour twice, one gap, one that is no number; dear evenings now and then.
INSERT INTO replay.half_hour
SELECT 'MAC1', 'Std', to_char(s, 'DD/MM/YYYY HH24:MI:SS'), round(0.3 + CASE WHEN extract(hour FROM s) BETWEEN 16 AND 21 THEN 0.4 ELSE 0 END + CASE WHEN extract(isodow FROM s) > 5 THEN 0.2 ELSE 0 END + (hashint8extended(extract(epoch FROM s)::bigint, 5) & 255) / 1000.0, 3)::text, 'A', 'x'
FROM generate_series('2013-01-01 00:00'::timestamp, '2013-05-30 23:30', '30 minutes') s WHERE s <> '2013-02-03 04:30';
INSERT INTO replay.half_hour SELECT * FROM replay.half_hour WHERE at = '20/02/2013 00:00:00';
INSERT INTO replay.half_hour VALUES ('MAC1', 'Std', '03/02/2013 04:24:01', 'Null', 'A', 'x');
INSERT INTO replay.tariff SELECT to_char(s, 'YYYY-MM-DD HH24:MI'), CASE WHEN extract(day FROM s) IN (5, 17) AND extract(hour FROM s) BETWEEN 17 AND 19 THEN 'High' ELSE 'Normal' END FROM generate_series('2013-01-01 00:00'::timestamp, '2013-05-30 23:30', '30 minutes') s;
INSERT INTO replay.bank_holiday VALUES ('2013-01-01'), ('2013-03-29'), ('2013-04-01'), ('2013-05-06'), ('2013-05-27');
