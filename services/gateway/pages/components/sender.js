// This device's camera for Moodring: asked for, shown, and sent picture by picture; let go at once when nobody may watch.
const PACE_MS = 200;
const AGAIN_MS = 2000;
const SIDE_PX = 640;

export default {
  template: `
    <div class="preview sender" :data-state="state" data-testid="sender">
      <video v-show="open" ref="video" autoplay muted playsinline aria-label="What this device's camera sees"></video>
      <div v-if="!open" class="preview-note" role="status">
        <q-icon :name="state === 'private' ? 'videocam_off' : 'videocam'" size="36px"></q-icon>
        <span data-testid="sender-note">{{ note || "Pictures go to the machine that Moodring runs on, are looked at, and are not kept." }}</span>
      </div>
      <p v-if="open" class="sending" role="status"><i :class="{ live: state === 'sending' }"></i><span data-testid="sender-note">{{ note || "Camera on" }}</span></p>
      <button type="button" class="button primary choose" data-testid="sender-button" @click="wanted ? stop() : start()">
        <q-icon :name="wanted ? 'stop' : 'videocam'" size="20px"></q-icon><span>{{ wanted ? "Stop" : "Use this camera" }}</span>
      </button>
    </div>`,
  props: { camera: String },
  data: () => ({ state: "idle", note: "", wanted: false, open: false, timer: 0, stream: null, awake: null }),
  watch: { camera() { this.stop(); } },
  mounted() { window.addEventListener("pagehide", this.stop); },
  unmounted() {
    window.removeEventListener("pagehide", this.stop);
    this.stop();
  },
  methods: {
    async start() {
      this.wanted = true;
      if (!navigator.mediaDevices) return this.fail("This browser gives no camera to a page without https: open Moodring by its https address.");
      if (await this.may()) await this.take();
    },
    stop() {
      this.wanted = false;
      this.release("idle", "");
    },
    fail(note) {
      this.wanted = false;
      this.release("failed", note);
    },
    release(state, note) {
      clearTimeout(this.timer);
      this.stream?.getTracks().forEach((track) => track.stop());
      this.awake?.release().catch(() => {});
      Object.assign(this, { stream: null, awake: null, open: false, state, note });
    },
    later(act, wait) {
      clearTimeout(this.timer);
      if (this.wanted) this.timer = setTimeout(act, wait);
    },
    async may() {
      const answer = await this.ask("");
      if (answer?.state !== "private") return answer !== null;
      this.wait(answer.detail);
      return false;
    },
    wait(note) {
      this.release("private", note);
      this.later(this.start, AGAIN_MS);
    },
    async take() {
      this.state = "asking";
      try {
        const wish = { video: { facingMode: "user", width: { ideal: SIDE_PX }, height: { ideal: 480 } }, audio: false };
        const stream = await navigator.mediaDevices.getUserMedia(wish);
        if (!this.wanted) return stream.getTracks().forEach((track) => track.stop());
        this.stream = stream;
      } catch (error) {
        const reasons = {
          NotAllowedError: "The browser was told not to give its camera to this page: allow it beside the address.",
          NotFoundError: "This device has no camera.",
          NotReadableError: "Another program uses the camera of this device.",
        };
        return this.fail(reasons[error.name] || `The camera of this device cannot be used: ${error.message}`);
      }
      this.stream.getVideoTracks()[0].addEventListener("ended", () => this.fail("The camera of this device was taken away."));
      this.$refs.video.srcObject = this.stream;
      this.open = true;
      navigator.wakeLock?.request("screen").then((lock) => (this.awake = lock)).catch(() => {});
      this.send();
    },
    async send() {
      const began = performance.now();
      const picture = await this.picture();
      if (!this.wanted || !this.stream) return;
      const status = picture && (await this.ask("/frames", picture));
      if (status && this.stream) {
        this.state = "sending";
        this.note = status.state === "ok" || !status.detail ? "" : `Camera on. ${status.detail}`;
      }
      // After a late answer the camera's pace still counts from when it took that picture: half a frame is its least.
      const pause = (picture && !status ? AGAIN_MS : PACE_MS) - (performance.now() - began);
      if (this.stream) this.later(this.send, Math.max(PACE_MS / 2, pause));
    },
    picture() {
      const video = this.$refs.video;
      if (!video?.videoWidth) return null;
      const scale = Math.min(1, SIDE_PX / Math.max(video.videoWidth, video.videoHeight));
      const canvas = document.createElement("canvas");
      Object.assign(canvas, { width: Math.round(video.videoWidth * scale), height: Math.round(video.videoHeight * scale) });
      canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
      return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.85));
    },
    async ask(path, picture) {
      try {
        const how = picture ? { method: "POST", body: picture, headers: { "Content-Type": "image/jpeg" } } : {};
        const response = await fetch(`/api/cameras/${this.camera}${path}`, how);
        const answer = await response.json().catch(() => ({}));
        if (response.ok) return answer;
        const said = typeof answer.detail === "string" ? answer.detail : `That did not work (error ${response.status}).`;
        if (response.status === 409 && picture) this.wait(said);
        else if (response.status === 401) this.fail("You are signed out: load this page again.");
        else if (response.status !== 429) this.note = said;
        else return { state: "ok" };
      } catch {
        this.note = "Nothing answers; it is tried again.";
      }
      if (!picture && this.wanted) this.later(this.start, AGAIN_MS);
      return null;
    },
  },
};
