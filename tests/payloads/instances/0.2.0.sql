-- made at 1795985681 by 0.2.0
BEGIN TRANSACTION;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES(1,'bridge','m001_instances_and_integrations','2026-11-29 20:54:37.634799+00:00');
INSERT INTO "_sqlite_migrations" VALUES(2,'bridge','m002_routing','2026-11-29 20:54:37.635795+00:00');
INSERT INTO "_sqlite_migrations" VALUES(3,'bridge','m003_console','2026-11-29 20:54:37.635948+00:00');
INSERT INTO "_sqlite_migrations" VALUES(4,'bridge','m004_retention','2026-11-29 20:54:37.636174+00:00');
INSERT INTO "_sqlite_migrations" VALUES(5,'bridge','m005_counts','2026-11-29 20:54:37.636299+00:00');
INSERT INTO "_sqlite_migrations" VALUES(6,'bridge','m006_chat','2026-11-29 20:54:37.636404+00:00');
INSERT INTO "_sqlite_migrations" VALUES(7,'bridge','m007_lookups','2026-11-29 20:54:37.636495+00:00');
INSERT INTO "_sqlite_migrations" VALUES(8,'bridge','m008_callback','2026-11-29 20:54:37.637210+00:00');
INSERT INTO "_sqlite_migrations" VALUES(9,'bridge','m009_versions','2026-11-29 20:54:37.637952+00:00');
INSERT INTO "_sqlite_migrations" VALUES(10,'bridge','m010_looks','2026-11-29 20:54:37.638251+00:00');
INSERT INTO "_sqlite_migrations" VALUES(11,'bridge','m011_status_at','2026-11-29 20:54:37.638451+00:00');
INSERT INTO "_sqlite_migrations" VALUES(12,'bridge','m012_lookups','2026-11-29 20:54:37.638536+00:00');
INSERT INTO "_sqlite_migrations" VALUES(13,'bridge','m013_claims','2026-11-29 20:54:37.638942+00:00');
INSERT INTO "_sqlite_migrations" VALUES(14,'bridge','m014_webhooks','2026-11-29 20:54:37.639192+00:00');
INSERT INTO "_sqlite_migrations" VALUES(15,'bridge','m015_ids_of_chatwoot','2026-11-29 20:54:37.640841+00:00');
INSERT INTO "_sqlite_migrations" VALUES(16,'bridge','m016_identity','2026-11-29 20:54:37.642138+00:00');
INSERT INTO "_sqlite_migrations" VALUES(17,'bridge','m017_sessions','2026-11-29 20:54:37.642273+00:00');
INSERT INTO "_sqlite_migrations" VALUES(18,'bridge','m018_authors','2026-11-29 20:54:37.642605+00:00');
INSERT INTO "_sqlite_migrations" VALUES(19,'bridge','m019_words','2026-11-29 20:54:37.643398+00:00');
INSERT INTO "_sqlite_migrations" VALUES(20,'bridge','m020_lost','2026-11-29 20:54:37.643509+00:00');
INSERT INTO "_sqlite_migrations" VALUES(21,'bridge','m021_copies','2026-11-29 20:54:37.643604+00:00');
INSERT INTO "_sqlite_migrations" VALUES(22,'bridge','m022_clocks','2026-11-29 20:54:37.644194+00:00');
INSERT INTO "_sqlite_migrations" VALUES(23,'bridge','m023_references','2026-11-29 20:54:37.646701+00:00');
INSERT INTO "_sqlite_migrations" VALUES(24,'bridge','m024_jobs','2026-11-29 20:54:37.650009+00:00');
INSERT INTO "_sqlite_migrations" VALUES(25,'bridge','m025_event_times','2026-11-29 20:54:37.650142+00:00');
INSERT INTO "_sqlite_migrations" VALUES(26,'bridge','m026_shown','2026-11-29 20:54:37.650240+00:00');
INSERT INTO "_sqlite_migrations" VALUES(27,'bridge','m027_actions','2026-11-29 20:54:37.651886+00:00');
CREATE TABLE alias (
            instance_id integer not null references instance (id) on delete cascade,
            form text not null,
            chat_id integer not null references chat (id) on delete cascade,
            primary key (instance_id, form)
        ) strict, without rowid;
INSERT INTO "alias" VALUES(1,'12036304915100000001@g.us',2);
INSERT INTO "alias" VALUES(1,'4915100000000@s.whatsapp.net',1);
INSERT INTO "alias" VALUES(1,'4915100000002@s.whatsapp.net',3);
INSERT INTO "alias" VALUES(1,'4915100000003@s.whatsapp.net',4);
CREATE TABLE attempt (
            id text primary key,
            instance_id integer not null references instance (id) on delete cascade,
            base_url text not null,
            account_id integer not null,
            webhook_key text not null unique,
            started_at real not null,
            unique (instance_id, base_url, account_id)
        ) strict;
INSERT INTO "attempt" VALUES('int_ttobhb38r',1,'http://chatwoot.example',1,'7b_HSHX7z_RJvLWE9YIjDrLYDZiJbMLv',1.79598567792319750791e+09);
CREATE TABLE audit (
            id integer primary key,
            at real not null,
            who text not null,
            address text not null,
            action text not null,
            subject text not null,
            detail text not null
        ) strict;
INSERT INTO "audit" VALUES(1,1.79598567791343712808e+09,'account','127.0.0.1','made the instance','sandbox-phone','');
INSERT INTO "audit" VALUES(2,1.79598567796802544589e+09,'account','127.0.0.1','activated','sandbox-phone','http://chatwoot.example account 1, inbox 1');
INSERT INTO "audit" VALUES(3,1.79598567829493021967e+09,'cli','root','put the webhook address into the inbox','sandbox-phone','http://bridge.example');
INSERT INTO "audit" VALUES(4,1.7959856799383454323e+09,'cli','root','discarded','sandbox-phone #6','');
INSERT INTO "audit" VALUES(5,1.7959856799432303905e+09,'bridge','','found that Chatwoot calls the webhook address','sandbox-phone','');
INSERT INTO "audit" VALUES(6,1.79598568014850664136e+09,'account','127.142.0.96','signed in','console','');
CREATE TABLE chat (
            id integer primary key,
            instance_id integer not null references instance (id) on delete cascade,
            kind text not null check (kind in ('private', 'group')),
            address text not null,
            name text not null,
            last_in text not null default '',
            last_in_sender text not null default ''
        , merged_into integer references chat (id), lost text not null default '') strict;
INSERT INTO "chat" VALUES(1,1,'private','4915100000000@s.whatsapp.net','4915100000000','3AE4DA01AEE6644F2EE8','',NULL,'');
INSERT INTO "chat" VALUES(2,1,'group','12036304915100000001@g.us','Family','3AC8A3354EFDDAE377C5','4915100000000@s.whatsapp.net',NULL,'');
INSERT INTO "chat" VALUES(3,1,'private','4915100000002@s.whatsapp.net','4915100000002','3A9D81A515F3853379C6','',NULL,'');
INSERT INTO "chat" VALUES(4,1,'private','4915100000003@s.whatsapp.net','4915100000003','3AD2D10673E1ADEE37CF','',NULL,'');
CREATE TABLE chatwoot_clock (
            base_url text primary key,
            boot text not null,
            steady_ahead_s real not null,
            ahead_s real not null
        ) strict, without rowid;
INSERT INTO "chatwoot_clock" VALUES('http://chatwoot.example','2b8061da-fff7-4e97-be27-5b64318a79cd',1.79596657609081697469e+09,-4.23815488815307617187e-01);
CREATE TABLE conversation (
            integration_id text not null,
            conversation_id integer not null,
            chat_id integer not null references chat (id) on delete cascade,
            primary key (integration_id, conversation_id)
        ) strict, without rowid;
INSERT INTO "conversation" VALUES('int_ttobhb38r',1,1);
INSERT INTO "conversation" VALUES('int_ttobhb38r',2,2);
INSERT INTO "conversation" VALUES('int_ttobhb38r',3,3);
INSERT INTO "conversation" VALUES('int_ttobhb38r',4,4);
CREATE TABLE copy (
            integration_id text not null references integration (id) on delete cascade,
            chatwoot_id integer not null,
            conversation_id integer not null,
            seen_at real not null,
            primary key (integration_id, chatwoot_id)
        ) strict, without rowid;
CREATE TABLE draft (
            id text primary key,
            answers text not null,
            progress text not null,
            changed_at real not null
        ) strict;
INSERT INTO "draft" VALUES('DsYL9iZlyh7PkGi5pAvcRiX19eMiiLxZ','v1.f83d8cbc.RdC82Kl_Bx1EAXi5-8wCC0aj4Xp5FAUpIwmOlWbZx6ivGX4vTcALOYZVTKafkWir-H_2D5cAn9Q5D3UjUdNZngtyCDNHR4xAWOwVQtsDl-XkFjIWgqoH49CVqf2SX4iD8TNpkfBahmeT2laEwGJmKcKi-WV_naTYnMqxvoy3','[]',1.79598568024204874034e+09);
CREATE TABLE event_time (
            instance_id integer primary key references instance (id) on delete cascade,
            told_at real not null default 0,
            called_at real not null default 0,
            ahead_s real
        ) strict;
INSERT INTO "event_time" VALUES(1,1795985680.0,1795985680.0,5.39264917373657226562e-01);
CREATE TABLE hearing (
            integration_id text not null references integration (id) on delete cascade,
            way text not null check (way in ('cable', 'webhook')),
            stands_since real not null default 0,
            told_at real not null default 0,
            told_id integer not null default 0,
            missed_at real not null default 0,
            passed_over integer not null default 0,
            passed_over_at real not null default 0, missed integer not null default 0,
            primary key (integration_id, way)
        ) strict, without rowid;
INSERT INTO "hearing" VALUES('int_ttobhb38r','cable',1.79598567796074128155e+09,1.79598568141912603383e+09,10,0.0,0,0.0,0);
INSERT INTO "hearing" VALUES('int_ttobhb38r','webhook',1.79598567994285368922e+09,1.79598568142387819291e+09,10,0.0,0,0.0,0);
CREATE TABLE instance (
            id integer primary key,
            name text not null unique,
            gateway_kind text,
            gateway_url text,
            gateway_token text,
            created_at real not null
        , hook_key text, hook_secret text, connection text not null default '', heard_at real not null default 0, callback_url text not null default '', callback_since real not null default 0, called_at real not null default 0, deaf_from real not null default 0, deaf_until real not null default 0, own_phone text not null default '', own_lid text not null default '', connected integer check (connected in (0, 1))) strict;
INSERT INTO "instance" VALUES(1,'sandbox-phone','ryzeapi','http://gateway.example','v1.f83d8cbc.LvyiQzUviNf3Ky82mMKDmyZcZPQho2bobxEKL4VteocMi8qO9icKoc_xgP18A-Sccw==',1.79598567791146540638e+09,'2o0jSsQ_WW3013nXMrivZr1RK26cjMGa','v1.f83d8cbc.qv_bP2MSYse_hVGGduextKmXbGOR8JB8GZ_E1ca2J1sYQY3iisGZusQQ-zNWzQqkuWJGY6vBL1gOiqE63q-BHSlNdADguWE=','connected',1.79598568025666165352e+09,'http://bridge.example',1.79598567796680331229e+09,1.79598568025666165352e+09,0.0,0.0,'5511900000001@s.whatsapp.net','',1);
CREATE TABLE integration (
            id text primary key,
            instance_id integer not null unique references instance (id) on delete cascade,
            base_url text not null,
            account_id integer not null,
            api_token text not null,
            inbox_id integer not null,
            inbox_name text not null,
            sign_messages integer not null check (sign_messages in (0, 1)),
            ignore_groups integer not null check (ignore_groups in (0, 1)),
            start_as_pending integer not null check (start_as_pending in (0, 1)),
            reopen_resolved integer not null check (reopen_resolved in (0, 1)),
            status text not null check (status in ('active', 'paused', 'error')),
            last_error text not null,
            chatwoot_version text not null,
            webhook_key text not null unique,
            webhook_secret text not null,
            created_at real not null
        , caught_up_at real not null default 0, public_url text not null default '', seen_url text not null default '', refused text not null default '', unproven_until real not null default 0, status_at real not null default 0, ignore_calls integer not null default 0 check (ignore_calls in (0, 1)), keep_deleted integer not null default 0 check (keep_deleted in (0, 1)), began_at real not null default 0, restored_at real not null default 0) strict;
INSERT INTO "integration" VALUES('int_ttobhb38r',1,'http://chatwoot.example',1,'v1.f83d8cbc.38Zbsk1SKCaQZdtEV2FNxfFx9Ux9xlhm3W4wkn5vT9CS0yVZvDjHFkoE6RlyRjE=',1,'RyzeAPI',0,0,0,1,'active','','4.15.1','7b_HSHX7z_RJvLWE9YIjDrLYDZiJbMLv','v1.f83d8cbc._ta8P60Kmcf6fncOFVltj_Gts4ieU3xFwJwi0hLXdjtVFwtC2ivw_ft3vd-9HXq99943UQ==',1.79598567792577505112e+09,1795985678.0,'','','',0.0,1.79598567792577505112e+09,0,0,1.7959856775037577152e+09,0.0);
CREATE TABLE journal (
            id integer primary key autoincrement,
            instance_id integer not null references instance (id) on delete cascade,
            chat_id integer not null references chat (id) on delete cascade,
            key text not null,
            position integer not null,
            body text not null,
            state text not null check
                (state in ('ready', 'sending', 'unconfirmed', 'done', 'dead', 'discarded')),
            attempts integer not null default 0,
            doubtful integer not null default 0,
            due_at real not null default 0,
            source text unique,
            reason text not null default '',
            received_at real not null,
            sent_at real,
            done_at real
        , shown integer not null default 0, held_s real not null default 0, owner text not null default '', claimed_until real not null default 0, integration_id text not null default '', sent_to text not null default '', message_id text, job text not null default 'message' check (job in ('message', 'file', 'receipt', 'profile', 'reply', 'typing'))) strict;
INSERT INTO "journal" VALUES(1,1,1,'message:3AA6B487E0E551089871',0,'{"type":"message","id":"3AA6B487E0E551089871","chat":{"jid":"4915100000000@s.whatsapp.net","name":"4915100000000"},"chat_kind":"private","sender":{"jid":"4915100000000@s.whatsapp.net","name":"4915100000000"},"from_me":false,"kind":"text","at":1795985678.0,"text":"Where is my order?","reference":"3AA6B487E0E551089871"}','done',1,0,0.0,NULL,'',1.79598567837681388856e+09,NULL,1.7959856784186687469e+09,0,0.0,'',0.0,'','','3AA6B487E0E551089871','message');
INSERT INTO "journal" VALUES(2,1,1,'m2:0',200,'{"type":"part","message":{"id":2,"conversation_id":1,"inbox_id":1,"account_id":1,"source_id":"4915100000000","text":"It is under way.","sender_name":"Ana Admin","sender_type":"user","type":"outgoing","content_type":"text","status":"sent","created_at":1795985678.0},"index":0,"caption":false}','done',0,0,0.0,'chatwoot-bridge:a57448365610de30.1:302f33b42197b1e2','',1.79598567845115590093e+09,1.79598567846073508269e+09,1.79598567846501660344e+09,0,0.0,'cb5dfca86b2dc4a1',1.79598603846073508259e+09,'int_ttobhb38r','4915100000000@s.whatsapp.net',NULL,'reply');
INSERT INTO "journal" VALUES(3,1,1,'3EB02594FA5A8BD8D881A7',2,'{"type":"receipt","ids":["3EB02594FA5A8BD8D881A7"],"chat":{"jid":"4915100000000@s.whatsapp.net"},"reached":"delivered","at":1795985678.0}','done',1,0,1.79598567946773529048e+09,NULL,'',1.79598567846773529048e+09,NULL,1.7959856794748249054e+09,0,0.0,'',0.0,'','',NULL,'receipt');
INSERT INTO "journal" VALUES(4,1,2,'message:3AC8A3354EFDDAE377C5',0,'{"type":"message","id":"3AC8A3354EFDDAE377C5","chat":{"jid":"12036304915100000001@g.us","name":"Family"},"chat_kind":"group","sender":{"jid":"4915100000000@s.whatsapp.net","name":"4915100000000"},"from_me":false,"kind":"text","at":1795985679.0,"text":"Hello all","reference":"3AC8A3354EFDDAE377C5"}','done',1,0,0.0,NULL,'',1.795985679498139143e+09,NULL,1.79598567950897145266e+09,0,0.0,'',0.0,'','','3AC8A3354EFDDAE377C5','message');
INSERT INTO "journal" VALUES(5,1,1,'message:3AB2C6C51681C9FE8368',0,'{"type":"message","id":"3AB2C6C51681C9FE8368","chat":{"jid":"4915100000000@s.whatsapp.net","name":"4915100000000"},"chat_kind":"private","sender":{"jid":"4915100000000@s.whatsapp.net","name":"4915100000000"},"from_me":false,"kind":"text","at":1795985679.0,"text":"refused by Chatwoot","reference":"3AB2C6C51681C9FE8368"}','dead',0,0,0.0,NULL,'{"code": "chatwoot_rejects", "detail": "http://chatwoot.example/api/v1/accounts/1/conversations/1/messages HTTP 422: {\"message\":\"Content is odd\",\"attributes\":[\"content\"]}"}',1.79598567954113888739e+09,NULL,1.7959856795470592976e+09,0,0.0,'',0.0,'','','3AB2C6C51681C9FE8368','message');
INSERT INTO "journal" VALUES(6,1,1,'message:3AD1F9EBE21D73BC1520',0,'{"type":"message","id":"3AD1F9EBE21D73BC1520","chat":{"jid":"4915100000000@s.whatsapp.net","name":"4915100000000"},"chat_kind":"private","sender":{"jid":"4915100000000@s.whatsapp.net","name":"4915100000000"},"from_me":false,"kind":"text","at":1795985679.0,"text":"given up by a person","reference":"3AD1F9EBE21D73BC1520"}','discarded',0,0,0.0,NULL,'{"code": "chatwoot_rejects", "detail": "http://chatwoot.example/api/v1/accounts/1/conversations/1/messages HTTP 422: {\"message\":\"Content is odd\",\"attributes\":[\"content\"]}"}',1.79598567957949638361e+09,NULL,1.79598567993718552593e+09,0,0.0,'',0.0,'','','3AD1F9EBE21D73BC1520','message');
INSERT INTO "journal" VALUES(7,1,3,'message:3A9D81A515F3853379C6',0,'{"type":"message","id":"3A9D81A515F3853379C6","chat":{"jid":"4915100000002@s.whatsapp.net","name":"4915100000002"},"chat_kind":"private","sender":{"jid":"4915100000002@s.whatsapp.net","name":"4915100000002"},"from_me":false,"kind":"text","at":1795985680.0,"text":"Good morning","reference":"3A9D81A515F3853379C6"}','done',1,0,0.0,NULL,'',1.79598568002051973339e+09,NULL,1.79598568005796599389e+09,0,0.0,'',0.0,'','','3A9D81A515F3853379C6','message');
INSERT INTO "journal" VALUES(8,1,3,'m5:0',500,'{"type":"part","message":{"id":5,"conversation_id":3,"inbox_id":1,"account_id":1,"source_id":"4915100000002","text":"refused by the gateway","sender_name":"Ana Admin","sender_type":"user","type":"outgoing","content_type":"text","status":"sent","created_at":1795985680.0},"index":0,"caption":false}','dead',0,0,0.0,'chatwoot-bridge:a57448365610de30.1:f639d0c151142a2f','{"code": "gateway_refuses", "values": {"base_url": "http://gateway.example", "reason": "Internal server error"}}',1.79598568007636976242e+09,1.79598568007996129986e+09,1.79598568008393359189e+09,1,0.0,'cb5dfca86b2dc4a1',1.79598604007996129989e+09,'int_ttobhb38r','4915100000002@s.whatsapp.net',NULL,'reply');
INSERT INTO "journal" VALUES(9,1,3,'m5:0',1795985680,'{"type":"failure","conversation_id":3,"message_id":5,"reason":"{\"code\": \"gateway_refuses\", \"values\": {\"base_url\": \"http://gateway.example\", \"reason\": \"Internal server error\"}}"}','done',1,0,0.0,NULL,'',1.79598568008239650728e+09,NULL,1.79598568008584380147e+09,0,0.0,'',0.0,'int_ttobhb38r','',NULL,'receipt');
INSERT INTO "journal" VALUES(10,1,4,'message:3AD2D10673E1ADEE37CF',0,'{"type":"message","id":"3AD2D10673E1ADEE37CF","chat":{"jid":"4915100000003@s.whatsapp.net","name":"4915100000003"},"chat_kind":"private","sender":{"jid":"4915100000003@s.whatsapp.net","name":"4915100000003"},"from_me":false,"kind":"text","at":1795985680.0,"text":"Are you open today?","reference":"3AD2D10673E1ADEE37CF"}','done',1,0,0.0,NULL,'',1.79598568025666165352e+09,NULL,1.79598568029569816582e+09,0,0.0,'',0.0,'','','3AD2D10673E1ADEE37CF','message');
INSERT INTO "journal" VALUES(11,1,1,'message:3A46F47DEDE747BF4464',0,'{"type":"message","id":"3A46F47DEDE747BF4464","chat":{"jid":"4915100000000@s.whatsapp.net","name":"4915100000000"},"chat_kind":"private","sender":{"jid":"4915100000000@s.whatsapp.net","name":"4915100000000"},"from_me":false,"kind":"text","at":1795985680.0,"text":"queued one","reference":"3A46F47DEDE747BF4464"}','ready',1,1,1.79598568141849827765e+09,NULL,'{"code": "something_in_front", "values": {"base_url": "http://chatwoot.example", "account_id": 1, "location": "", "http_status": 503}, "detail": "http://chatwoot.example/api/v1/accounts/1/conversations/1/messages HTTP 503: <html> <head><title>503 Service Temporarily Unavailable</title></head> <body> <center><h1>503 Service Temporarily Unavailable</h1></center> <hr><center>nginx</center> </body> </html>"}',1.79598568030543231967e+09,NULL,NULL,0,0.0,'',0.0,'','','3A46F47DEDE747BF4464','message');
INSERT INTO "journal" VALUES(12,1,1,'message:3AE4DA01AEE6644F2EE8',0,'{"type":"message","id":"3AE4DA01AEE6644F2EE8","chat":{"jid":"4915100000000@s.whatsapp.net","name":"4915100000000"},"chat_kind":"private","sender":{"jid":"4915100000000@s.whatsapp.net","name":"4915100000000"},"from_me":false,"kind":"text","at":1795985680.0,"text":"queued two","reference":"3AE4DA01AEE6644F2EE8"}','ready',0,0,0.0,NULL,'',1.79598568030888938902e+09,NULL,NULL,0,0.0,'',0.0,'','','3AE4DA01AEE6644F2EE8','message');
INSERT INTO "journal" VALUES(13,1,1,'m7:0',700,'{"type":"part","message":{"id":7,"conversation_id":1,"inbox_id":1,"account_id":1,"source_id":"4915100000000","conversation_status":"open","contact_id":1,"contact_phone":"+4915100000000","contact_name":"4915100000000","contact_identifier":"4915100000000@s.whatsapp.net","text":"reply queued","sender_name":"Ana Admin","sender_type":"user","type":"outgoing","content_type":"text","status":"sent","created_at":1795985680.346},"index":0,"caption":false}','ready',1,0,1.79598568121358919142e+09,'chatwoot-bridge:a57448365610de30.1:b0789e988f9052a9','{"code": "gateway_unavailable", "values": {"base_url": "http://gateway.example", "reason": "Instance is not connected to WhatsApp"}}',1.79598568034865188605e+09,1.7959856803534495831e+09,NULL,0,0.0,'cb5dfca86b2dc4a1',1.79598604035344958304e+09,'int_ttobhb38r','4915100000000@s.whatsapp.net',NULL,'reply');
INSERT INTO "journal" VALUES(14,1,3,'m8:0',800,'{"type":"part","message":{"id":8,"conversation_id":3,"inbox_id":1,"account_id":1,"source_id":"4915100000002","text":"reply in doubt","sender_name":"Ana Admin","sender_type":"user","type":"outgoing","content_type":"text","status":"sent","created_at":1795985680.0},"index":0,"caption":false}','unconfirmed',1,1,1.79598568839068508141e+09,'chatwoot-bridge:a57448365610de30.1:01ff0f9ebf315f81','{"code": "gateway_uncertain", "values": {"base_url": "http://gateway.example"}, "detail": "read: connection reset by peer"}',1.79598568038302969932e+09,1.79598568038818335538e+09,NULL,0,0.0,'cb5dfca86b2dc4a1',1.79598604038818335532e+09,'int_ttobhb38r','4915100000002@s.whatsapp.net',NULL,'reply');
INSERT INTO "journal" VALUES(15,1,4,'m9:0',900,'{"type":"part","message":{"id":9,"conversation_id":4,"inbox_id":1,"account_id":1,"source_id":"4915100000003","text":"reply being sent","sender_name":"Ana Admin","sender_type":"user","type":"outgoing","content_type":"text","status":"sent","created_at":1795985680.0},"index":0,"caption":false}','sending',0,0,0.0,'chatwoot-bridge:a57448365610de30.1:a9b496204f322835','',1.79598568041815400122e+09,1.79598568139706492429e+09,NULL,0,0.0,'cb5dfca86b2dc4a1',1.79598604139706492419e+09,'int_ttobhb38r','4915100000003@s.whatsapp.net',NULL,'reply');
INSERT INTO "journal" VALUES(16,1,4,'m10:0',1000,'{"type":"part","message":{"id":10,"conversation_id":4,"inbox_id":1,"account_id":1,"source_id":"4915100000003","text":"reply behind it","sender_name":"Ana Admin","sender_type":"user","type":"outgoing","content_type":"text","status":"sent","created_at":1795985681.0},"index":0,"caption":false}','ready',0,0,0.0,NULL,'',1.79598568141912603383e+09,NULL,NULL,0,0.0,'',0.0,'int_ttobhb38r','',NULL,'reply');
CREATE TABLE lookup (
            integration_id text not null references integration (id) on delete cascade,
            conversation_id integer not null,
            message_id integer not null,
            due_at real not null,
            trusted integer not null,
            times integer not null,
            primary key (integration_id, conversation_id, message_id)
        ) strict, without rowid;
CREATE TABLE member (
            chat_id integer not null references chat (id) on delete cascade,
            address text not null,
            name text not null,
            primary key (chat_id, address)
        ) strict, without rowid;
INSERT INTO "member" VALUES(2,'4915100000000@s.whatsapp.net','4915100000000');
CREATE TABLE meta (
            key text primary key,
            value text not null
        ) strict;
INSERT INTO "meta" VALUES('key_check','v1.f83d8cbc.vXo9cP9w6zrApzeQg-rdeOkt00EcgCynDFuR7tDw05ux3mPFsuHCKXM_6-MQPe-z-0WN0u4Cfh9SCNIF5Q==');
CREATE TABLE old_dead_letter (
            journal_id integer primary key references journal (id) on delete cascade
        ) strict;
CREATE TABLE old_marker (
            source text primary key,
            instance_id integer not null references instance (id) on delete cascade
        ) strict, without rowid;
CREATE TABLE pair (
            instance_id integer not null references instance (id) on delete cascade,
            whatsapp_id text not null,
            chat_id integer not null references chat (id) on delete cascade,
            from_me integer not null,
            integration_id text not null,
            conversation_id integer not null,
            chatwoot_id integer not null,
            reached text not null default '', noted_at real not null default 0, author text not null default '', reference text not null default '',
            primary key (instance_id, whatsapp_id)
        ) strict, without rowid;
INSERT INTO "pair" VALUES(1,'3A9D81A515F3853379C6',3,0,'int_ttobhb38r',3,4,'',1.79598568005796599389e+09,'','3A9D81A515F3853379C6');
INSERT INTO "pair" VALUES(1,'3AA6B487E0E551089871',1,0,'int_ttobhb38r',1,1,'',1.7959856784186687469e+09,'','3AA6B487E0E551089871');
INSERT INTO "pair" VALUES(1,'3AC8A3354EFDDAE377C5',2,0,'int_ttobhb38r',2,3,'',1.79598567950897145266e+09,'4915100000000@s.whatsapp.net','3AC8A3354EFDDAE377C5');
INSERT INTO "pair" VALUES(1,'3AD2D10673E1ADEE37CF',4,0,'int_ttobhb38r',4,6,'',1.79598568029569816582e+09,'','3AD2D10673E1ADEE37CF');
INSERT INTO "pair" VALUES(1,'3EB02594FA5A8BD8D881A7',1,1,'int_ttobhb38r',1,2,'delivered',1.79598567846501660344e+09,'','3EB02594FA5A8BD8D881A7');
CREATE TABLE pruned (
            instance_id integer not null,
            job text not null,
            messages integer not null,
            primary key (instance_id, job)
        ) strict, without rowid;
CREATE TABLE session (
            hash text primary key,
            who text not null,
            proof text not null,
            address text not null,
            began_at real not null,
            seen_at real not null
        ) strict, without rowid;
INSERT INTO "session" VALUES('41f9204caaff051d711672195be6e08e1a07a73e3f69c49b7b84b8e9ab3fe821','account','71ea999cdbad540de31e58dc1266a4dd','127.142.0.96',1.79598568014772272112e+09,1.79598568014772272112e+09);
CREATE TABLE spelling (
            instance_id integer not null references instance (id) on delete cascade,
            form text not null,
            phone text not null,
            primary key (instance_id, form)
        ) strict, without rowid;
CREATE TABLE "thread" (
            integration_id text not null,
            chat_id integer not null references chat (id) on delete cascade,
            source_id text not null,
            contact_id integer not null default 0,
            conversation_id integer not null default 0,
            status text not null default '',
            checked_id integer not null default 0,
            given_name text not null default '',
            primary key (integration_id, chat_id)
        ) strict, without rowid;
INSERT INTO "thread" VALUES('int_ttobhb38r',1,'4915100000000',1,1,'open',7,'');
INSERT INTO "thread" VALUES('int_ttobhb38r',2,'12036304915100000001@g.us',2,2,'open',0,'Family');
INSERT INTO "thread" VALUES('int_ttobhb38r',3,'4915100000002',3,3,'open',8,'');
INSERT INTO "thread" VALUES('int_ttobhb38r',4,'4915100000003',4,4,'open',9,'');
CREATE TABLE token (
            hash text primary key,
            instance_id integer unique references instance (id) on delete cascade,
            created_at real not null
        ) strict;
INSERT INTO "token" VALUES('3aa1e157a4434a397d5f4e9e035fa66ffb8b799a52b01a0f8d4ff2818ccd496d',1,1.79598567791146540638e+09);
CREATE TABLE try (
            journal_id integer not null references journal (id) on delete cascade,
            began_at real not null,
            seconds real not null,
            outcome text not null,
            reason text not null
        ) strict;
INSERT INTO "try" VALUES(1,1.79598567838078117375e+09,3.78901719996065367013e-02,'arrived','');
INSERT INTO "try" VALUES(2,1.79598567845753264425e+09,9.17912699878797866404e-03,'arrived','');
INSERT INTO "try" VALUES(3,1.79598567946996784212e+09,0.00485890100026154,'arrived','');
INSERT INTO "try" VALUES(4,1.79598567950108981136e+09,7.88349999857018701732e-03,'arrived','');
INSERT INTO "try" VALUES(5,1.795985679543902874e+09,3.14602900107274763286e-03,'failed','{"code": "chatwoot_rejects", "detail": "http://chatwoot.example/api/v1/accounts/1/conversations/1/messages HTTP 422: {\"message\":\"Content is odd\",\"attributes\":[\"content\"]}"}');
INSERT INTO "try" VALUES(6,1.79598567958189868926e+09,3.20155300141777843236e-03,'failed','{"code": "chatwoot_rejects", "detail": "http://chatwoot.example/api/v1/accounts/1/conversations/1/messages HTTP 422: {\"message\":\"Content is odd\",\"attributes\":[\"content\"]}"}');
INSERT INTO "try" VALUES(7,1.79598568002338576316e+09,3.45818659989163279533e-02,'arrived','');
INSERT INTO "try" VALUES(8,1.79598568007767748835e+09,4.68584699774510227143e-03,'failed','{"code": "gateway_refuses", "values": {"base_url": "http://gateway.example", "reason": "Internal server error"}}');
INSERT INTO "try" VALUES(9,1.79598568008336877824e+09,2.47557400143705308437e-03,'arrived','');
INSERT INTO "try" VALUES(10,1.79598568025976467127e+09,3.59347100020386278629e-02,'arrived','');
INSERT INTO "try" VALUES(11,1.79598568030761528016e+09,3.948482000851072371e-03,'failed','{"code": "something_in_front", "values": {"base_url": "http://chatwoot.example", "account_id": 1, "location": "", "http_status": 503}, "detail": "http://chatwoot.example/api/v1/accounts/1/conversations/1/messages HTTP 503: <html> <head><title>503 Service Temporarily Unavailable</title></head> <body> <center><h1>503 Service Temporarily Unavailable</h1></center> <hr><center>nginx</center> </body> </html>"}');
INSERT INTO "try" VALUES(13,1795985680.35071,5.11886900130775757133e-03,'failed','{"code": "gateway_unavailable", "values": {"base_url": "http://gateway.example", "reason": "Instance is not connected to WhatsApp"}}');
INSERT INTO "try" VALUES(14,1.79598568038540625574e+09,5.27298299857648089528e-03,'failed','{"code": "gateway_uncertain", "values": {"base_url": "http://gateway.example"}, "detail": "read: connection reset by peer"}');
CREATE TABLE unrouted (
            instance_id integer not null references instance (id) on delete cascade,
            kind text not null,
            times integer not null,
            last_at real not null,
            primary key (instance_id, kind)
        ) strict, without rowid;
CREATE TABLE webhook (
            integration_id text primary key references integration (id) on delete cascade,
            calls text not null check (calls in ('on', 'trying', 'off')),
            why text not null,
            public_url text not null,
            version text not null,
            changed_at real not null,
            tried_at real not null,
            refused_at real not null,
            probed integer not null
        ) strict, without rowid;
INSERT INTO "webhook" VALUES('int_ttobhb38r','on','','http://bridge.example','4.15.1',1.79598567994032812114e+09,1.79598567829178810116e+09,0.0,0);
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE UNIQUE INDEX instance_hook_key on instance (hook_key);
CREATE INDEX journal_unconfirmed on journal (id) where state = 'unconfirmed';
CREATE INDEX journal_state on journal (instance_id, state) where state not in ('done', 'discarded');
CREATE INDEX try_journal on try (journal_id);
CREATE INDEX journal_chat on journal (chat_id);
CREATE INDEX pair_chatwoot on pair (chatwoot_id, integration_id);
CREATE INDEX pair_chat on pair (chat_id, integration_id, conversation_id, from_me, chatwoot_id);
CREATE INDEX thread_conversation on thread (integration_id, conversation_id);
CREATE INDEX thread_source on thread (integration_id, source_id);
CREATE INDEX thread_contact on thread (integration_id, contact_id);
CREATE INDEX thread_chat on thread (chat_id);
CREATE UNIQUE INDEX alias_one_of_a_sort on alias (chat_id, iif(instr(form, '@'), substr(form, instr(form, '@')), ''));
CREATE INDEX chat_merged on chat (merged_into) where merged_into is not null;
CREATE INDEX spelling_phone on spelling (instance_id, phone);
CREATE INDEX conversation_chat on conversation (chat_id);
CREATE INDEX chat_lost on chat (instance_id, lost);
CREATE INDEX journal_message on journal (instance_id, message_id) where message_id is not null;
CREATE UNIQUE INDEX journal_key on journal (instance_id, job, key, integration_id);
CREATE INDEX journal_open on journal (job, chat_id, position, id) where state in ('ready', 'sending', 'unconfirmed');
CREATE INDEX journal_recent on journal (instance_id, job, received_at);
CREATE TRIGGER journal_pruned after delete on journal
        when old.job in ('message', 'reply') begin
            insert into pruned values (old.instance_id, old.job, 1)
                on conflict do update set messages = messages + 1;
        end;
CREATE INDEX journal_shown on journal (instance_id, integration_id) where shown;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('journal',16);
COMMIT;
