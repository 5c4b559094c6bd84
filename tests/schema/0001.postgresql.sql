SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.decisions (
    id uuid NOT NULL,
    decision_id uuid NOT NULL,
    room character varying(64) NOT NULL,
    decided_at timestamp with time zone NOT NULL,
    mood character varying(64) NOT NULL,
    mode character varying(16) NOT NULL,
    target_valence double precision NOT NULL,
    target_arousal double precision NOT NULL,
    playlist character varying(200),
    how character varying(16) NOT NULL,
    reason text NOT NULL,
    songs json NOT NULL
);
CREATE TABLE public.feedback (
    id uuid NOT NULL,
    room character varying(64) NOT NULL,
    song_id integer NOT NULL,
    liked boolean NOT NULL,
    given_at timestamp with time zone NOT NULL,
    decision_id uuid
);
CREATE TABLE public.playlist_entries (
    playlist_id integer NOT NULL,
    "position" integer NOT NULL,
    song_id integer NOT NULL
);
CREATE TABLE public.playlists (
    id integer NOT NULL,
    name character varying(200) NOT NULL,
    mood character varying(64),
    created_at timestamp with time zone NOT NULL
);
CREATE SEQUENCE public.playlists_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.playlists_id_seq OWNED BY public.playlists.id;
CREATE TABLE public.plays (
    play_id uuid NOT NULL,
    room character varying(64) NOT NULL,
    song_id integer NOT NULL,
    decision_id uuid,
    started_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    heard_s double precision,
    skipped boolean,
    liked boolean
);
CREATE TABLE public.songs (
    id integer NOT NULL,
    uri character varying(2000) NOT NULL,
    title text NOT NULL,
    artist text NOT NULL,
    album text NOT NULL,
    search text NOT NULL,
    duration_s double precision,
    valence double precision NOT NULL,
    arousal double precision NOT NULL,
    placed_by character varying(16) NOT NULL,
    mood character varying(64),
    source character varying(16) NOT NULL,
    stamp character varying(64) NOT NULL,
    added_at timestamp with time zone NOT NULL,
    missing boolean NOT NULL,
    CONSTRAINT ck_songs_arousal CHECK (((arousal >= ('-1'::integer)::double precision) AND (arousal <= (1)::double precision))),
    CONSTRAINT ck_songs_valence CHECK (((valence >= ('-1'::integer)::double precision) AND (valence <= (1)::double precision)))
);
CREATE SEQUENCE public.songs_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.songs_id_seq OWNED BY public.songs.id;
ALTER TABLE ONLY public.playlists ALTER COLUMN id SET DEFAULT nextval('public.playlists_id_seq'::regclass);
ALTER TABLE ONLY public.songs ALTER COLUMN id SET DEFAULT nextval('public.songs_id_seq'::regclass);
INSERT INTO public.alembic_version VALUES ('0001');
INSERT INTO public.decisions VALUES ('01a21e18-85d3-7ee5-81cb-88d092b2a665', '01934567-89ab-7cde-8f01-23456789abcd', 'home', '2026-11-27 18:30:00.123456+00', 'sad', 'lift', 0.1, 0.2, NULL, 'append', 'so', '[{"song_id": 7, "score": 0.5, "distance": 0.25}]');
INSERT INTO public.feedback VALUES ('01a21e18-85d3-7a25-81f6-53d82f04e60a', 'home', 7, true, '2026-11-27 18:30:00.123456+00', '01934567-89ab-7cde-8f01-23456789abcd');
INSERT INTO public.playlist_entries VALUES (3, 0, 7);
INSERT INTO public.playlists VALUES (3, 'Rainy', 'sad', '2026-11-27 18:30:00.123456+00');
INSERT INTO public.plays VALUES ('01a21e18-85d3-7796-b10c-0fada304458e', 'home', 7, NULL, '2026-11-27 18:30:00.123456+00', NULL, NULL, NULL, true);
INSERT INTO public.songs VALUES (7, 'file:///music/%C3%9Cber%20uns/a%20b%23c.mp3', 'Über uns ☂', '', 'x', 'über uns', NULL, -0.25, 1, 'tags', NULL, 'folder', '1:2', '2026-11-27 18:30:00.123456+00', false);
SELECT pg_catalog.setval('public.playlists_id_seq', 9, true);
SELECT pg_catalog.setval('public.songs_id_seq', 7, true);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.decisions
    ADD CONSTRAINT pk_decisions PRIMARY KEY (id);
ALTER TABLE ONLY public.feedback
    ADD CONSTRAINT pk_feedback PRIMARY KEY (id);
ALTER TABLE ONLY public.playlist_entries
    ADD CONSTRAINT pk_playlist_entries PRIMARY KEY (playlist_id, "position");
ALTER TABLE ONLY public.playlists
    ADD CONSTRAINT pk_playlists PRIMARY KEY (id);
ALTER TABLE ONLY public.plays
    ADD CONSTRAINT pk_plays PRIMARY KEY (play_id);
ALTER TABLE ONLY public.songs
    ADD CONSTRAINT pk_songs PRIMARY KEY (id);
ALTER TABLE ONLY public.playlists
    ADD CONSTRAINT uq_playlists_mood UNIQUE (mood);
ALTER TABLE ONLY public.playlists
    ADD CONSTRAINT uq_playlists_name UNIQUE (name);
ALTER TABLE ONLY public.songs
    ADD CONSTRAINT uq_songs_uri UNIQUE (uri);
CREATE INDEX ix_decisions_room_decided_at ON public.decisions USING btree (room, decided_at);
CREATE INDEX ix_feedback_room_song_id_given_at ON public.feedback USING btree (room, song_id, given_at);
CREATE INDEX ix_plays_room_song_id ON public.plays USING btree (room, song_id);
CREATE INDEX ix_plays_room_started_at ON public.plays USING btree (room, started_at);
CREATE INDEX ix_songs_mood ON public.songs USING btree (mood);
ALTER TABLE ONLY public.feedback
    ADD CONSTRAINT fk_feedback_song_id FOREIGN KEY (song_id) REFERENCES public.songs(id);
ALTER TABLE ONLY public.playlist_entries
    ADD CONSTRAINT fk_playlist_entries_playlist_id FOREIGN KEY (playlist_id) REFERENCES public.playlists(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.playlist_entries
    ADD CONSTRAINT fk_playlist_entries_song_id FOREIGN KEY (song_id) REFERENCES public.songs(id);
ALTER TABLE ONLY public.plays
    ADD CONSTRAINT fk_plays_song_id FOREIGN KEY (song_id) REFERENCES public.songs(id);
