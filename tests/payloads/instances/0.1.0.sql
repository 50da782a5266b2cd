-- made at 1795979392 by 0.1.0
BEGIN TRANSACTION;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES(1,'bridge','m001_instances_and_integrations','2026-11-29 19:09:41.825445+00:00');
INSERT INTO "_sqlite_migrations" VALUES(2,'bridge','m002_routing','2026-11-29 19:09:41.826471+00:00');
INSERT INTO "_sqlite_migrations" VALUES(3,'bridge','m003_console','2026-11-29 19:09:41.838193+00:00');
INSERT INTO "_sqlite_migrations" VALUES(4,'bridge','m004_retention','2026-11-29 19:09:41.838727+00:00');
INSERT INTO "_sqlite_migrations" VALUES(5,'bridge','m005_counts','2026-11-29 19:09:41.838911+00:00');
INSERT INTO "_sqlite_migrations" VALUES(6,'bridge','m006_chat','2026-11-29 19:09:41.839007+00:00');
INSERT INTO "_sqlite_migrations" VALUES(7,'bridge','m007_lookups','2026-11-29 19:09:41.839113+00:00');
INSERT INTO "_sqlite_migrations" VALUES(8,'bridge','m008_callback','2026-11-29 19:09:41.839995+00:00');
INSERT INTO "_sqlite_migrations" VALUES(9,'bridge','m009_versions','2026-11-29 19:09:41.840770+00:00');
INSERT INTO "_sqlite_migrations" VALUES(10,'bridge','m010_looks','2026-11-29 19:09:41.851294+00:00');
INSERT INTO "_sqlite_migrations" VALUES(11,'bridge','m011_status_at','2026-11-29 19:09:41.851629+00:00');
INSERT INTO "_sqlite_migrations" VALUES(12,'bridge','m012_lookups','2026-11-29 19:09:41.851748+00:00');
INSERT INTO "_sqlite_migrations" VALUES(13,'bridge','m013_claims','2026-11-29 19:09:41.852156+00:00');
INSERT INTO "_sqlite_migrations" VALUES(14,'bridge','m014_webhooks','2026-11-29 19:09:41.852429+00:00');
INSERT INTO "_sqlite_migrations" VALUES(15,'bridge','m015_ids_of_chatwoot','2026-11-29 19:09:41.854241+00:00');
INSERT INTO "_sqlite_migrations" VALUES(16,'bridge','m016_identity','2026-11-29 19:09:41.866531+00:00');
INSERT INTO "_sqlite_migrations" VALUES(17,'bridge','m017_sessions','2026-11-29 19:09:41.875105+00:00');
INSERT INTO "_sqlite_migrations" VALUES(18,'bridge','m018_authors','2026-11-29 19:09:41.875651+00:00');
INSERT INTO "_sqlite_migrations" VALUES(19,'bridge','m019_words','2026-11-29 19:09:41.877900+00:00');
INSERT INTO "_sqlite_migrations" VALUES(20,'bridge','m020_lost','2026-11-29 19:09:41.878102+00:00');
INSERT INTO "_sqlite_migrations" VALUES(21,'bridge','m021_copies','2026-11-29 19:09:41.878217+00:00');
INSERT INTO "_sqlite_migrations" VALUES(22,'bridge','m022_clocks','2026-11-29 19:09:41.878871+00:00');
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
INSERT INTO "attempt" VALUES('int_wlf2itik5',1,'http://chatwoot.example',1,'mXwomeRuWdpaNG1C_aFjw3lDJfZYjuif',1.79597938395416903498e+09);
CREATE TABLE audit (
            id integer primary key,
            at real not null,
            who text not null,
            address text not null,
            deed text not null,
            subject text not null,
            detail text not null
        ) strict;
INSERT INTO "audit" VALUES(1,1.79597938390758562086e+09,'account','127.0.0.1','made the instance','sandbox-phone','');
INSERT INTO "audit" VALUES(2,1.7959793843436222076e+09,'account','127.0.0.1','activated','sandbox-phone','http://chatwoot.example account 1, inbox 1');
INSERT INTO "audit" VALUES(3,1.79597938576200199124e+09,'cli','root','put the webhook address into the inbox','sandbox-phone','http://bridge.example');
INSERT INTO "audit" VALUES(4,1.79597938779099535943e+09,'bridge','','found that Chatwoot calls the webhook address','sandbox-phone','');
INSERT INTO "audit" VALUES(5,1.79597938883712553975e+09,'cli','root','discarded','sandbox-phone #6','');
INSERT INTO "audit" VALUES(6,1.79597938967924094198e+09,'account','127.22.0.199','signed in','console','');
CREATE TABLE chat (
            id integer primary key,
            instance_id integer not null references instance (id) on delete cascade,
            kind text not null check (kind in ('private', 'group')),
            address text not null,
            name text not null,
            last_in_id text not null default '',
            last_in_sender text not null default ''
        , merged_into integer references chat (id), lost text not null default '') strict;
INSERT INTO "chat" VALUES(1,1,'private','4915100000000@s.whatsapp.net','4915100000000','3ADA64B4331895D84166','',NULL,'');
INSERT INTO "chat" VALUES(2,1,'group','12036304915100000001@g.us','Family','3AAE506F016400BE5B96','4915100000000@s.whatsapp.net',NULL,'');
INSERT INTO "chat" VALUES(3,1,'private','4915100000002@s.whatsapp.net','4915100000002','3A8DEBE296BD6DF6E1D8','',NULL,'');
INSERT INTO "chat" VALUES(4,1,'private','4915100000003@s.whatsapp.net','4915100000003','3A5191FEE45D32D2A140','',NULL,'');
CREATE TABLE chatwoot_clock (
            base_url text primary key,
            boot text not null,
            steady_ahead_s real not null,
            ahead_s real not null
        ) strict, without rowid;
INSERT INTO "chatwoot_clock" VALUES('http://chatwoot.example','2b8061da-fff7-4e97-be27-5b64318a79cd',1.79596657651300239564e+09,-1.7096996307373046875e-03);
CREATE TABLE conversation (
            integration_id text not null,
            conversation_id integer not null,
            chat_id integer not null references chat (id) on delete cascade,
            primary key (integration_id, conversation_id)
        ) strict, without rowid;
INSERT INTO "conversation" VALUES('int_wlf2itik5',1,1);
INSERT INTO "conversation" VALUES('int_wlf2itik5',2,2);
INSERT INTO "conversation" VALUES('int_wlf2itik5',3,3);
INSERT INTO "conversation" VALUES('int_wlf2itik5',4,4);
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
INSERT INTO "draft" VALUES('Ui75MbyNa6LMJvrRMbsCLFVusgi06HmD','v1.f83d8cbc.G668FOZJ8PzALhTGJCOz8oA3wK_pDuYxMCA7ZRGSuVQRpl63pr58yRC1E4fMdrg7slbSQwVRfRXhNZfp-4nxHqA7PKkQZSMgCz6BbFW64U3xK0qIbbfj2Kz5xegHqA-XPnT9R7yhMJcPfMfZwU6Lqsn6-VKZaExOzWiJiJgu','[]',1.7959793900296781063e+09);
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
INSERT INTO "hearing" VALUES('int_wlf2itik5','cable',1.79597938419109177587e+09,1.79597939061476111416e+09,9,1.7959793916365373134e+09,0,0.0,1);
INSERT INTO "hearing" VALUES('int_wlf2itik5','webhook',1.79597938778276300427e+09,1.7959793916365373134e+09,10,0.0,0,0.0,0);
CREATE TABLE instance (
            id integer primary key,
            name text not null unique,
            gateway_kind text,
            gateway_url text,
            gateway_token text,
            created_at real not null
        , hook_key text, hook_secret text, connection text not null default '', heard_at real not null default 0, callback_url text not null default '', callback_since real not null default 0, called_at real not null default 0, deaf_from real not null default 0, deaf_until real not null default 0, own_phone text not null default '', own_lid text not null default '') strict;
INSERT INTO "instance" VALUES(1,'sandbox-phone','ryzeapi','http://gateway.example','v1.f83d8cbc.ywdlFMBXb1dIuva_mhnbYmo4VfuuTOd1Vy_C5prnxyYoGazmWTXr5aq4B1MP2n47Qg==',1.79597938387565422054e+09,'nOuqMxKhoI45UxJbrhkVA3fVhQpDvJha','v1.f83d8cbc.cLIsIiU5MAKQqK2xpL1hxyAPSOzaaiolTChxG-MfMA2vZaHK4mp8169MlmSpq_e-OpXyuefSX8tSVJLvThmDoPM1DmJqT7Y=','connected',1.79597939035315942767e+09,'http://bridge.example',1.79597938432683157925e+09,1.79597939035315942767e+09,0.0,0.0,'5511900000001@s.whatsapp.net','');
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
INSERT INTO "integration" VALUES('int_wlf2itik5',1,'http://chatwoot.example',1,'v1.f83d8cbc.kYX4ybFq6nyXbp23Dze30In8t1nySfJHJHb1dC2TTNoZuJ9Bx3-O_uCrIJa8Dgg=',1,'RyzeAPI',0,0,0,1,'active','','4.15.1','mXwomeRuWdpaNG1C_aFjw3lDJfZYjuif','v1.f83d8cbc.nk8NzyzHHD3DRPMKpAU8URryHVpFXCTVIIqiRQjtkTSzr0CZF1H--lRw-Dg9QOWTuVVAlg==',1.79597938397224259378e+09,1795979387.0,'','','',0.0,1.79597938397226667404e+09,0,0,1.79597938352043771741e+09,0.0);
CREATE TABLE journal (
            id integer primary key autoincrement,
            instance_id integer not null references instance (id) on delete cascade,
            chat_id integer not null references chat (id) on delete cascade,
            direction text not null check (direction in ('in', 'out', 'receipt', 'typing')),
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
        , shown integer not null default 0, held_s real not null default 0, owner text not null default '', claimed_until real not null default 0, integration_id text not null default '', sent_to text not null default '') strict;
INSERT INTO "journal" VALUES(1,1,1,'in','message:3AAE98A6F46E2E2C8BED',0,'{"type":"message","id":"3AAE98A6F46E2E2C8BED","chat":{"jid":"4915100000000@s.whatsapp.net","name":"4915100000000"},"chat_kind":"private","sender":{"jid":"4915100000000@s.whatsapp.net","name":"4915100000000"},"from_me":false,"kind":"text","at":1795979385.0,"text":"Where is my order?"}','done',1,0,0.0,NULL,'',1.79597938594780874251e+09,NULL,1.79597938605899524683e+09,0,0.0,'',0.0,'','');
INSERT INTO "journal" VALUES(2,1,1,'out','m2:0',200,'{"type":"part","message":{"id":2,"conversation_id":1,"inbox_id":1,"account_id":1,"source_id":"4915100000000","text":"It is under way.","sender_name":"Ana Admin","sender_type":"user","type":"outgoing","content_type":"text","status":"sent","created_at":1795979386.0},"index":0,"caption":false}','done',0,0,0.0,'chatwoot-bridge:a57448365610de30.1:947f6f86b242b6e5','',1.79597938610145926472e+09,1.79597938612847113611e+09,1.79597938614126324654e+09,0,0.0,'ae7c0815868e485b',1.79597974612847113614e+09,'int_wlf2itik5','4915100000000@s.whatsapp.net');
INSERT INTO "journal" VALUES(3,1,1,'receipt','3EB06C23CC26063AD630D7',2,'{"type":"receipt","ids":["3EB06C23CC26063AD630D7"],"chat":{"jid":"4915100000000@s.whatsapp.net"},"reached":"delivered","at":1795979386.0}','done',1,0,1.79597938715807342526e+09,NULL,'',1.79597938615807342522e+09,NULL,1.79597938718020439146e+09,0,0.0,'',0.0,'','');
INSERT INTO "journal" VALUES(4,1,2,'in','message:3AAE506F016400BE5B96',0,'{"type":"message","id":"3AAE506F016400BE5B96","chat":{"jid":"12036304915100000001@g.us","name":"Family"},"chat_kind":"group","sender":{"jid":"4915100000000@s.whatsapp.net","name":"4915100000000"},"from_me":false,"kind":"text","at":1795979387.0,"text":"Hello all"}','done',1,0,0.0,NULL,'',1.79597938722413659091e+09,NULL,1.79597938726685667039e+09,0,0.0,'',0.0,'','');
INSERT INTO "journal" VALUES(5,1,1,'in','message:3AFB9E7ED6EE2CDFB43E',0,'{"type":"message","id":"3AFB9E7ED6EE2CDFB43E","chat":{"jid":"4915100000000@s.whatsapp.net","name":"4915100000000"},"chat_kind":"private","sender":{"jid":"4915100000000@s.whatsapp.net","name":"4915100000000"},"from_me":false,"kind":"text","at":1795979387.0,"text":"refused by Chatwoot"}','dead',0,0,0.0,NULL,'{"code": "chatwoot_rejects", "detail": "http://chatwoot.example/api/v1/accounts/1/conversations/1/messages HTTP 422: {\"message\":\"Content is odd\",\"attributes\":[\"content\"]}"}',1.79597938730212020874e+09,NULL,1.79597938730825948719e+09,0,0.0,'',0.0,'','');
INSERT INTO "journal" VALUES(6,1,1,'in','message:3A3611ECC9CF7717785E',0,'{"type":"message","id":"3A3611ECC9CF7717785E","chat":{"jid":"4915100000000@s.whatsapp.net","name":"4915100000000"},"chat_kind":"private","sender":{"jid":"4915100000000@s.whatsapp.net","name":"4915100000000"},"from_me":false,"kind":"text","at":1795979387.0,"text":"given up by a person"}','discarded',0,0,0.0,NULL,'{"code": "chatwoot_rejects", "detail": "http://chatwoot.example/api/v1/accounts/1/conversations/1/messages HTTP 422: {\"message\":\"Content is odd\",\"attributes\":[\"content\"]}"}',1.79597938734098386769e+09,NULL,1.79597938881730246544e+09,0,0.0,'',0.0,'','');
INSERT INTO "journal" VALUES(7,1,3,'in','message:3A8DEBE296BD6DF6E1D8',0,'{"type":"message","id":"3A8DEBE296BD6DF6E1D8","chat":{"jid":"4915100000002@s.whatsapp.net","name":"4915100000002"},"chat_kind":"private","sender":{"jid":"4915100000002@s.whatsapp.net","name":"4915100000002"},"from_me":false,"kind":"text","at":1795979389.0,"text":"Good morning"}','done',1,0,0.0,NULL,'',1.79597938925755286213e+09,NULL,1.79597938938202166554e+09,0,0.0,'',0.0,'','');
INSERT INTO "journal" VALUES(8,1,3,'out','m5:0',500,'{"type":"part","message":{"id":5,"conversation_id":3,"inbox_id":1,"account_id":1,"source_id":"4915100000002","text":"refused by the gateway","sender_name":"Ana Admin","sender_type":"user","type":"outgoing","content_type":"text","status":"sent","created_at":1795979389.0},"index":0,"caption":false}','dead',0,0,0.0,'chatwoot-bridge:a57448365610de30.1:9119d49bc581f20a','{"code": "gateway_refuses", "values": {"base_url": "http://gateway.example", "reason": "Internal server error"}}',1.79597938942497563361e+09,1795979389.44537,1.79597938946291112898e+09,1,0.0,'ae7c0815868e485b',1795979749.44537,'int_wlf2itik5','4915100000002@s.whatsapp.net');
INSERT INTO "journal" VALUES(9,1,3,'receipt','m5:0',1795979389,'{"type":"failure","conversation_id":3,"message_id":5,"reason":"{\"code\": \"gateway_refuses\", \"values\": {\"base_url\": \"http://gateway.example\", \"reason\": \"Internal server error\"}}"}','done',1,0,0.0,NULL,'',1.79597938945239663129e+09,NULL,1.79597938948878955837e+09,0,0.0,'',0.0,'int_wlf2itik5','');
INSERT INTO "journal" VALUES(10,1,4,'in','message:3A5191FEE45D32D2A140',0,'{"type":"message","id":"3A5191FEE45D32D2A140","chat":{"jid":"4915100000003@s.whatsapp.net","name":"4915100000003"},"chat_kind":"private","sender":{"jid":"4915100000003@s.whatsapp.net","name":"4915100000003"},"from_me":false,"kind":"text","at":1795979390.0,"text":"Are you open today?"}','done',1,0,0.0,NULL,'',1.79597939005673098563e+09,NULL,1.79597939025178074835e+09,0,0.0,'',0.0,'','');
INSERT INTO "journal" VALUES(11,1,1,'in','message:3A5C62FE7D858C0B29C8',0,'{"type":"message","id":"3A5C62FE7D858C0B29C8","chat":{"jid":"4915100000000@s.whatsapp.net","name":"4915100000000"},"chat_kind":"private","sender":{"jid":"4915100000000@s.whatsapp.net","name":"4915100000000"},"from_me":false,"kind":"text","at":1795979390.0,"text":"queued one"}','ready',2,1,1.79597939349042558668e+09,NULL,'{"code": "something_in_front", "values": {"base_url": "http://chatwoot.example", "account_id": 1, "location": "", "http_status": 503}, "detail": "http://chatwoot.example/api/v1/accounts/1/conversations/1/messages HTTP 503: <html> <head><title>503 Service Temporarily Unavailable</title></head> <body> <center><h1>503 Service Temporarily Unavailable</h1></center> <hr><center>nginx</center> </body> </html>"}',1.79597939035315942767e+09,NULL,NULL,0,0.0,'',0.0,'','');
INSERT INTO "journal" VALUES(12,1,1,'in','message:3ADA64B4331895D84166',0,'{"type":"message","id":"3ADA64B4331895D84166","chat":{"jid":"4915100000000@s.whatsapp.net","name":"4915100000000"},"chat_kind":"private","sender":{"jid":"4915100000000@s.whatsapp.net","name":"4915100000000"},"from_me":false,"kind":"text","at":1795979390.0,"text":"queued two"}','ready',0,0,0.0,NULL,'',1.7959793903821232319e+09,NULL,NULL,0,0.0,'',0.0,'','');
INSERT INTO "journal" VALUES(13,1,1,'out','m7:0',700,'{"type":"part","message":{"id":7,"conversation_id":1,"inbox_id":1,"account_id":1,"source_id":"4915100000000","text":"reply queued","sender_name":"Ana Admin","sender_type":"user","type":"outgoing","content_type":"text","status":"sent","created_at":1795979390.0},"index":0,"caption":false}','ready',1,0,1.7959793913213889599e+09,'chatwoot-bridge:a57448365610de30.1:8b6eb703e6847c9c','{"code": "gateway_unavailable", "values": {"base_url": "http://gateway.example", "reason": "Instance is not connected to WhatsApp", "retry_after_s": 0.0}}',1.79597939044923543931e+09,1.7959793904832828045e+09,NULL,0,0.0,'ae7c0815868e485b',1.79597975048328280453e+09,'int_wlf2itik5','4915100000000@s.whatsapp.net');
INSERT INTO "journal" VALUES(14,1,3,'out','m8:0',800,'{"type":"part","message":{"id":8,"conversation_id":3,"inbox_id":1,"account_id":1,"source_id":"4915100000002","text":"reply in doubt","sender_name":"Ana Admin","sender_type":"user","type":"outgoing","content_type":"text","status":"sent","created_at":1795979390.0},"index":0,"caption":false}','unconfirmed',1,1,1.79597939858503818509e+09,'chatwoot-bridge:a57448365610de30.1:ad43c10cfcaf132a','{"code": "gateway_uncertain", "values": {"base_url": "http://gateway.example"}, "detail": "read: connection reset by peer"}',1.79597939053519821167e+09,1.79597939054783797266e+09,NULL,0,0.0,'ae7c0815868e485b',1.79597975054783797269e+09,'int_wlf2itik5','4915100000002@s.whatsapp.net');
INSERT INTO "journal" VALUES(15,1,4,'out','m9:0',900,'{"type":"part","message":{"id":9,"conversation_id":4,"inbox_id":1,"account_id":1,"source_id":"4915100000003","text":"reply being sent","sender_name":"Ana Admin","sender_type":"user","type":"outgoing","content_type":"text","status":"sent","created_at":1795979390.0},"index":0,"caption":false}','sending',0,0,0.0,'chatwoot-bridge:a57448365610de30.1:70f7dd929cb8deef','',1.79597939061476111416e+09,1.79597939159299802786e+09,NULL,0,0.0,'ae7c0815868e485b',1.79597975159299802776e+09,'int_wlf2itik5','4915100000003@s.whatsapp.net');
INSERT INTO "journal" VALUES(16,1,4,'out','m10:0',1000,'{"type":"part","message":{"id":10,"conversation_id":4,"inbox_id":1,"account_id":1,"source_id":"4915100000003","conversation_status":"open","contact_id":4,"contact_phone":"+4915100000003","contact_name":"4915100000003","contact_identifier":"4915100000003@s.whatsapp.net","text":"reply behind it","sender_name":"Ana Admin","sender_type":"user","type":"outgoing","content_type":"text","status":"sent","created_at":1795979391.631},"index":0,"caption":false}','ready',0,0,0.0,NULL,'',1.7959793916365373134e+09,NULL,NULL,0,0.0,'',0.0,'int_wlf2itik5','');
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
INSERT INTO "meta" VALUES('key_check','v1.f83d8cbc.y3B3tGuxJnTzKNfXaBNkVyvKxoTG-f--83oL0sKUyNYIOQjT5LBQScV9PJMRCDtm1hjnMcB9cmLwBhKLvA==');
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
            reached text not null default '', noted_at real not null default 0, author text not null default '',
            primary key (instance_id, whatsapp_id)
        ) strict, without rowid;
INSERT INTO "pair" VALUES(1,'3A5191FEE45D32D2A140',4,0,'int_wlf2itik5',4,6,'',1.79597939025178074835e+09,'');
INSERT INTO "pair" VALUES(1,'3A8DEBE296BD6DF6E1D8',3,0,'int_wlf2itik5',3,4,'',1.79597938938202166554e+09,'');
INSERT INTO "pair" VALUES(1,'3AAE506F016400BE5B96',2,0,'int_wlf2itik5',2,3,'',1.79597938726685667039e+09,'4915100000000@s.whatsapp.net');
INSERT INTO "pair" VALUES(1,'3AAE98A6F46E2E2C8BED',1,0,'int_wlf2itik5',1,1,'',1.79597938605899524683e+09,'');
INSERT INTO "pair" VALUES(1,'3EB06C23CC26063AD630D7',1,1,'int_wlf2itik5',1,2,'delivered',1.79597938614126324654e+09,'');
CREATE TABLE pruned (
            instance_id integer not null,
            direction text not null,
            messages integer not null,
            primary key (instance_id, direction)
        ) strict, without rowid;
CREATE TABLE session (
            hash text primary key,
            who text not null,
            proof text not null,
            address text not null,
            began_at real not null,
            seen_at real not null
        ) strict, without rowid;
INSERT INTO "session" VALUES('cb7be898f99e20fec061f13c55ad0c66a43f4375248ed8258e5e9e4112d2af5c','account','71ea999cdbad540de31e58dc1266a4dd','127.22.0.199',1.79597938967682552342e+09,1.79597938967682552342e+09);
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
INSERT INTO "thread" VALUES('int_wlf2itik5',1,'4915100000000',1,1,'open',7,'');
INSERT INTO "thread" VALUES('int_wlf2itik5',2,'12036304915100000001@g.us',2,2,'open',3,'Family');
INSERT INTO "thread" VALUES('int_wlf2itik5',3,'4915100000002',3,3,'open',8,'');
INSERT INTO "thread" VALUES('int_wlf2itik5',4,'4915100000003',4,4,'open',9,'');
CREATE TABLE token (
            hash text primary key,
            instance_id integer unique references instance (id) on delete cascade,
            created_at real not null
        ) strict;
INSERT INTO "token" VALUES('4578c2ea6aa82ffa6f93e21fd9b30967b0fb39a919797798f87fac172a152a45',1,1.79597938387565422054e+09);
CREATE TABLE try (
            journal_id integer not null references journal (id) on delete cascade,
            began_at real not null,
            seconds real not null,
            outcome text not null,
            reason text not null
        ) strict;
INSERT INTO "try" VALUES(1,1.7959793859631271362e+09,9.58702989992161747068e-02,'arrived','');
INSERT INTO "try" VALUES(2,1.79597938610986089707e+09,3.36756489996332675218e-02,'arrived','');
INSERT INTO "try" VALUES(3,1.79597938716346859936e+09,1.67383379994134884327e-02,'arrived','');
INSERT INTO "try" VALUES(4,1.79597938722784829139e+09,3.90118359991902252659e-02,'arrived','');
INSERT INTO "try" VALUES(5,1.79597938730417799944e+09,4.06856099834840279072e-03,'failed','{"code": "chatwoot_rejects", "detail": "http://chatwoot.example/api/v1/accounts/1/conversations/1/messages HTTP 422: {\"message\":\"Content is odd\",\"attributes\":[\"content\"]}"}');
INSERT INTO "try" VALUES(6,1.79597938734468293188e+09,1.15898549993289634585e-02,'failed','{"code": "chatwoot_rejects", "detail": "http://chatwoot.example/api/v1/accounts/1/conversations/1/messages HTTP 422: {\"message\":\"Content is odd\",\"attributes\":[\"content\"]}"}');
INSERT INTO "try" VALUES(7,1.7959793892678616047e+09,1.14163648000612738542e-01,'arrived','');
INSERT INTO "try" VALUES(8,1.79597938944085621835e+09,1.14962819989159470424e-02,'failed','{"code": "gateway_refuses", "values": {"base_url": "http://gateway.example", "reason": "Internal server error"}}');
INSERT INTO "try" VALUES(9,1.79597938946720433236e+09,2.15870329993776977062e-02,'arrived','');
INSERT INTO "try" VALUES(10,1.79597939005905199048e+09,1.92730864999248296953e-01,'arrived','');
INSERT INTO "try" VALUES(11,1.79597939038084721558e+09,2.92594490001647500321e-02,'failed','{"code": "something_in_front", "values": {"base_url": "http://chatwoot.example", "account_id": 1, "location": "", "http_status": 503}, "detail": "http://chatwoot.example/api/v1/accounts/1/conversations/1/messages HTTP 503: <html> <head><title>503 Service Temporarily Unavailable</title></head> <body> <center><h1>503 Service Temporarily Unavailable</h1></center> <hr><center>nginx</center> </body> </html>"}');
INSERT INTO "try" VALUES(13,1.79597939045714235302e+09,4.63513579998107161372e-02,'failed','{"code": "gateway_unavailable", "values": {"base_url": "http://gateway.example", "reason": "Instance is not connected to WhatsApp", "retry_after_s": 0.0}}');
INSERT INTO "try" VALUES(14,1.79597939054172801975e+09,4.33037009988765930756e-02,'failed','{"code": "gateway_uncertain", "values": {"base_url": "http://gateway.example"}, "detail": "read: connection reset by peer"}');
INSERT INTO "try" VALUES(11,1.79597939125493526462e+09,1.23402450008143205195e-02,'failed','{"code": "something_in_front", "values": {"base_url": "http://chatwoot.example", "account_id": 1, "location": "", "http_status": 503}, "detail": "http://chatwoot.example/api/v1/accounts/1/conversations/1/messages HTTP 503: <html> <head><title>503 Service Temporarily Unavailable</title></head> <body> <center><h1>503 Service Temporarily Unavailable</h1></center> <hr><center>nginx</center> </body> </html>"}');
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
INSERT INTO "webhook" VALUES('int_wlf2itik5','on','','http://bridge.example','4.15.1',1.79597938776712799072e+09,1.79597938574666905406e+09,0.0,0);
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE UNIQUE INDEX instance_hook_key on instance (hook_key);
CREATE INDEX journal_open on journal (direction, chat_id, position, id) where state in ('ready', 'sending', 'unconfirmed');
CREATE INDEX journal_unconfirmed on journal (id) where state = 'unconfirmed';
CREATE INDEX journal_state on journal (instance_id, state) where state not in ('done', 'discarded');
CREATE INDEX try_journal on try (journal_id);
CREATE INDEX journal_recent on journal (instance_id, direction, received_at);
CREATE TRIGGER journal_pruned after delete on journal
        when old.direction in ('in', 'out') begin
            insert into pruned values (old.instance_id, old.direction, 1)
                on conflict do update set messages = messages + 1;
        end;
CREATE INDEX journal_chat on journal (chat_id);
CREATE UNIQUE INDEX journal_key on journal (instance_id, direction, key, integration_id);
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
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('journal',16);
COMMIT;
