BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0002');
CREATE TABLE decisions (
	id CHAR(32) NOT NULL, 
	decision_id CHAR(32) NOT NULL, 
	room VARCHAR(64) NOT NULL, 
	decided_at DATETIME NOT NULL, 
	mood VARCHAR(64) NOT NULL, 
	mode VARCHAR(16) NOT NULL, 
	target_valence DOUBLE NOT NULL, 
	target_arousal DOUBLE NOT NULL, 
	playlist VARCHAR(200), 
	how VARCHAR(16) NOT NULL, 
	reason TEXT NOT NULL, 
	songs JSON NOT NULL, 
	CONSTRAINT pk_decisions PRIMARY KEY (id)
);
INSERT INTO "decisions" VALUES('01a21e189ebf7d40a494d372c0b5256c','0193456789ab7cde8f0123456789abcd','home','2026-11-27 18:30:00.123456','sad','lift',0.1,0.2,NULL,'append','so','[{"song_id": 7, "score": 0.5, "distance": 0.25}]');
CREATE TABLE feedback (
	id CHAR(32) NOT NULL, 
	room VARCHAR(64) NOT NULL, 
	song_id INTEGER NOT NULL, 
	liked BOOLEAN NOT NULL, 
	given_at DATETIME NOT NULL, 
	decision_id CHAR(32), 
	CONSTRAINT pk_feedback PRIMARY KEY (id), 
	CONSTRAINT fk_feedback_song_id FOREIGN KEY(song_id) REFERENCES songs (id)
);
INSERT INTO "feedback" VALUES('01a21e189ebf7a9088b7655f54f6e18f','home',7,1,'2026-11-27 18:30:00.123456','0193456789ab7cde8f0123456789abcd');
CREATE TABLE mood_decisions (
	decision_id CHAR(32) NOT NULL, 
	room VARCHAR(64) NOT NULL, 
	decided_at DATETIME NOT NULL, 
	mood VARCHAR(64) NOT NULL, 
	confidence DOUBLE NOT NULL, 
	distribution JSON NOT NULL, 
	valence DOUBLE NOT NULL, 
	arousal DOUBLE NOT NULL, 
	people INTEGER NOT NULL, 
	samples INTEGER NOT NULL, 
	source VARCHAR(16) NOT NULL, 
	CONSTRAINT pk_mood_decisions PRIMARY KEY (decision_id)
);
INSERT INTO "mood_decisions" VALUES('0193456789ab7cde8f0123456789abcd','home','2026-11-27 18:30:00.123456','sad',1.0,'{"sad": 0.75, "neutral": 0.25}',0.0,0.0,1,3,'camera');
CREATE TABLE mood_minutes (
	room VARCHAR(64) NOT NULL, 
	started_at BIGINT NOT NULL, 
	mood VARCHAR(64) NOT NULL, 
	seconds DOUBLE NOT NULL, 
	valence DOUBLE NOT NULL, 
	arousal DOUBLE NOT NULL, 
	confidence DOUBLE NOT NULL, 
	people INTEGER NOT NULL, 
	samples DOUBLE NOT NULL, 
	CONSTRAINT pk_mood_minutes PRIMARY KEY (room, started_at, mood)
);
INSERT INTO "mood_minutes" VALUES('home',1795000000,'sad',60.0,0.1,0.2,0.9,1,4.5);
CREATE TABLE playlist_entries (
	playlist_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	song_id INTEGER NOT NULL, 
	CONSTRAINT pk_playlist_entries PRIMARY KEY (playlist_id, position), 
	CONSTRAINT fk_playlist_entries_playlist_id FOREIGN KEY(playlist_id) REFERENCES playlists (id) ON DELETE CASCADE, 
	CONSTRAINT fk_playlist_entries_song_id FOREIGN KEY(song_id) REFERENCES songs (id)
);
INSERT INTO "playlist_entries" VALUES(3,0,7);
CREATE TABLE playlists (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	name VARCHAR(200) NOT NULL, 
	mood VARCHAR(64), 
	created_at DATETIME NOT NULL, 
	CONSTRAINT uq_playlists_mood UNIQUE (mood), 
	CONSTRAINT uq_playlists_name UNIQUE (name)
);
INSERT INTO "playlists" VALUES(3,'Rainy','sad','2026-11-27 18:30:00.123456');
CREATE TABLE plays (
	play_id CHAR(32) NOT NULL, 
	room VARCHAR(64) NOT NULL, 
	song_id INTEGER NOT NULL, 
	decision_id CHAR(32), 
	started_at DATETIME NOT NULL, 
	ended_at DATETIME, 
	heard_s DOUBLE, 
	skipped BOOLEAN, 
	liked BOOLEAN, 
	CONSTRAINT pk_plays PRIMARY KEY (play_id), 
	CONSTRAINT fk_plays_song_id FOREIGN KEY(song_id) REFERENCES songs (id)
);
INSERT INTO "plays" VALUES('01a21e189ebf75ee94c99aff314aaeff','home',7,NULL,'2026-11-27 18:30:00.123456',NULL,NULL,NULL,1);
CREATE TABLE songs (
	id INTEGER NOT NULL, 
	uri VARCHAR(2000) NOT NULL, 
	title TEXT NOT NULL, 
	artist TEXT NOT NULL, 
	album TEXT NOT NULL, 
	search TEXT NOT NULL, 
	duration_s DOUBLE, 
	valence DOUBLE NOT NULL, 
	arousal DOUBLE NOT NULL, 
	placed_by VARCHAR(16) NOT NULL, 
	mood VARCHAR(64), 
	source VARCHAR(16) NOT NULL, 
	stamp VARCHAR(64) NOT NULL, 
	added_at DATETIME NOT NULL, 
	missing BOOLEAN NOT NULL, 
	CONSTRAINT pk_songs PRIMARY KEY (id), 
	CONSTRAINT ck_songs_arousal CHECK (arousal BETWEEN -1 AND 1), 
	CONSTRAINT ck_songs_valence CHECK (valence BETWEEN -1 AND 1), 
	CONSTRAINT uq_songs_uri UNIQUE (uri)
);
INSERT INTO "songs" VALUES(7,'file:///music/%C3%9Cber%20uns/a%20b%23c.mp3','Über uns ☂','','x','über uns',NULL,-0.25,1.0,'tags',NULL,'folder','1:2','2026-11-27 18:30:00.123456',0);
CREATE INDEX ix_songs_mood ON songs (mood);
CREATE INDEX ix_decisions_room_decided_at ON decisions (room, decided_at);
CREATE INDEX ix_plays_room_started_at ON plays (room, started_at);
CREATE INDEX ix_plays_room_song_id ON plays (room, song_id);
CREATE INDEX ix_feedback_room_song_id_given_at ON feedback (room, song_id, given_at);
CREATE INDEX ix_mood_decisions_room_decided_at ON mood_decisions (room, decided_at);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('playlists',9);
COMMIT;
