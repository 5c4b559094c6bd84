// Plays a room's music in this page; `services/player/api.py` describes the contract.

const SILENT_AFTER_MS = 4000; // the server takes a tab for closed after 5 s
const ANSWER_MS = 3000;
const TICK_MS = 250;
const RETRIES = 2;
const SILENCE = 'data:audio/wav;base64,UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQIAAAAAAA==';

function newId() { // crypto.randomUUID exists over https and on localhost only
  const hex = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
}

// Timers of a hidden, silent page are slowed to one a minute; those of a worker are not.
function everyTick(callback) {
  try {
    const source = URL.createObjectURL(new Blob([`setInterval(() => postMessage(0), ${TICK_MS})`]));
    const worker = new Worker(source);
    worker.onmessage = callback;
    return () => worker.terminate();
  } catch {
    const timer = setInterval(callback, TICK_MS);
    return () => clearInterval(timer);
  }
}

export function startPlayer({room, base = '', onState = () => {}}) {
  const audio = new Audio();
  const ahead = new Audio();
  const tab = newId();
  const home = `${base}/api/players/${room}`;
  const now = () => performance.now();
  let order = {active: false, available: true, cue: 0, play_id: null};
  let cue = 0;
  let startAt = 0;
  let ended = false;
  let error = '';
  let retries = 0;
  let blocked = true;
  let unlocking = false;
  let clicked = false;
  let claiming = false;
  let stopped = false;
  let reporting = false;
  let again = false;
  let answeredAt = now();
  let reportAt = 0;

  const real = () => audio.src !== '' && !audio.src.startsWith('data:');
  const position = () => (real() && audio.readyState > 0 ? audio.currentTime : startAt);
  const connected = () => now() - answeredAt < SILENT_AFTER_MS;

  function tell() {
    onState({
      connected: connected(), available: order.available, active: order.active && !blocked,
      blocked: blocked && order.available, error,
      playing: real() && !audio.paused && !ended, play_id: order.play_id ?? null,
      position_s: position(), duration_s: real() && Number.isFinite(audio.duration) ? audio.duration : null,
    });
  }

  async function report() {
    if (stopped) return;
    if (reporting) { again = true; return; }
    reporting = true;
    again = false;
    reportAt = now() + 1000;
    const claim = claiming;
    const body = {
      tab, cue, ended, blocked, error, claim, position_s: position(),
      playing: real() && !audio.paused && !ended,
    };
    try {
      const reply = await fetch(`${home}/browser`, {
        method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(body),
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      if (!reply.ok) throw new Error(`the player answered ${reply.status}`);
      if (claim) claiming = false;
      answeredAt = now();
      obey(await reply.json());
    } catch (problem) {
      console.debug('moodring player:', problem);
    }
    reporting = false;
    tell();
    if (again) report();
  }

  function obey(next) {
    if (stopped) return;
    order = next;
    reportAt = Math.min(reportAt, now() + next.next_report_s * 1000);
    if (unlocking) return;
    if (!next.active || !next.url) {
      audio.pause();
      cue = next.active ? next.cue : 0;
      ended = false;
      error = '';
      return;
    }
    if (next.cue !== cue) {
      cue = next.cue;
      retries = 0;
      load(base + next.url, next.position_s);
    }
    audio.volume = next.volume / 100;
    if (next.playing && audio.paused && !ended && !error) play();
    if (!next.playing && !audio.paused) audio.pause();
    const following = next.preload ? new URL(base + next.preload, location.href).href : '';
    if (following && ahead.src !== following) { ahead.preload = 'auto'; ahead.src = following; }
  }

  function load(url, position_s) {
    ended = false;
    error = '';
    startAt = position_s;
    const href = new URL(url, location.href).href;
    if (audio.src !== href || audio.error) audio.src = href;
    audio.currentTime = position_s;
  }

  function play() {
    audio.play().catch((problem) => { if (problem.name === 'NotAllowedError') block(); });
  }

  function block() {
    blocked = true;
    report();
  }

  // Safari unlocks single elements, so it is the one element that is tried, with silence.
  // Nothing else may touch the element meanwhile: a pause or another source would undo the click.
  async function unlock() {
    if (!blocked || stopped) return;
    clicked = true;
    if (unlocking) return;
    unlocking = true;
    while (blocked && clicked) {
      clicked = false;
      try {
        cue = 0;
        audio.src = SILENCE;
        await audio.play();
        blocked = false;
        audio.pause();
      } catch { /* the next click may do */ }
    }
    unlocking = false;
    report();
  }

  function command(action) {
    fetch(`${home}/commands`, {
      method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify({action}),
    }).then(report, () => {});
  }

  function tick() {
    if (!connected() && !audio.paused && !unlocking) audio.pause();
    if (now() >= reportAt) report();
  }

  function close() {
    navigator.sendBeacon(`${home}/browser/${tab}/closed`);
  }

  audio.addEventListener('loadedmetadata', () => {
    if (real() && Math.abs(audio.currentTime - startAt) > 1) audio.currentTime = startAt;
  });
  audio.addEventListener('ended', () => { if (real()) { ended = true; report(); } });
  audio.addEventListener('error', () => {
    if (!real()) return;
    if (retries < RETRIES) {
      const failed = cue;
      retries += 1;
      setTimeout(() => {
        if (cue !== failed || stopped) return;
        load(audio.src, position());
        if (order.playing) play();
      }, 500 * retries);
      return;
    }
    error = `the browser cannot play ${order.url}: ${audio.error?.message || 'unknown format'}`;
    report();
  });
  for (const event of ['playing', 'pause', 'seeked']) audio.addEventListener(event, tell);
  for (const gesture of ['pointerdown', 'keydown']) document.addEventListener(gesture, unlock, true);
  addEventListener('pagehide', close);
  if (navigator.mediaSession) {
    for (const [media, action] of [['play', 'play'], ['pause', 'pause'], ['nexttrack', 'next'], ['previoustrack', 'previous']]) {
      navigator.mediaSession.setActionHandler(media, () => command(action));
    }
  }
  const endTicks = everyTick(tick);
  unlock();

  return {
    claim() {
      claiming = true;
      if (blocked) unlock();
      else report();
    },
    stop() {
      stopped = true;
      endTicks();
      audio.pause();
      for (const gesture of ['pointerdown', 'keydown']) document.removeEventListener(gesture, unlock, true);
      removeEventListener('pagehide', close);
      close();
    },
  };
}
