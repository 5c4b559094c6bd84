// What the camera sees: one picture after another, each asked for when the last has come, none while nobody looks.
const INTERVAL_MS = 200;
const RETRY_MS = 2000;

export default {
  template: `
    <div class="preview" :data-state="state">
      <img v-show="state === 'live'" :src="shown" :alt="alt" data-testid="preview">
      <div v-if="state !== 'live'" class="preview-note" role="status">
        <q-icon :name="icon" size="36px"></q-icon>
        <span>{{ note || (state === 'waiting' ? 'Waiting for the first picture …' : 'No picture at the moment.') }}</span>
      </div>
    </div>`,
  props: { src: String, alt: String, note: String, icon: String },
  data: () => ({ shown: "", state: "waiting", timer: 0 }),
  watch: { src() { this.state = "waiting"; this.next(0); } },
  mounted() {
    this.look = () => this.next(0);
    document.addEventListener("visibilitychange", this.look);
    this.next(0);
  },
  unmounted() {
    document.removeEventListener("visibilitychange", this.look);
    clearTimeout(this.timer);
  },
  methods: {
    next(wait) {
      clearTimeout(this.timer);
      if (!this.src) this.state = "none";
      else if (!document.hidden) this.timer = setTimeout(() => this.load(), wait);
    },
    load() {
      const asked = this.src;
      const picture = new Image();
      const done = (state, wait) => {
        if (asked !== this.src) return;
        this.state = state;
        if (state === "live") this.shown = picture.src;
        this.next(wait);
      };
      picture.onload = () => done("live", INTERVAL_MS);
      picture.onerror = () => done("missing", RETRY_MS);
      picture.src = `${asked}?t=${Date.now()}`;
    },
  },
};
