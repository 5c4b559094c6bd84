// How far the song is. It runs on by itself between two words from the player, and a position
// that was chosen here stands until the player has heard of it.
const PATIENCE_MS = 3000; // then the player's word counts again, whatever was chosen
const NEAR_S = 0.5;
const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

export default {
  template: `
    <div class="progress">
      <span data-testid="position">{{ clock(now) }}</span>
      <input type="range" min="0" :max="duration || 1" step="1" :value="now" :disabled="!duration" aria-label="Position"
             :aria-valuetext="clock(now)" :style="{ '--part': part }" data-testid="seek"
             @pointerdown="held = true" @pointerup="held = false" @input="choose(Number($event.target.value))"
             @change="held = false; $emit('seek', now)">
      <span>{{ duration ? clock(duration) : '–:––' }}</span>
    </div>`,
  props: { position: Number, duration: Number, playing: Boolean, stamp: String },
  emits: ["seek"],
  data: () => ({ now: 0, from: 0, chosen: null, held: false, timer: 0 }),
  computed: {
    part() { return this.duration ? Math.min(1, this.now / this.duration) : 0; },
  },
  watch: {
    stamp: { immediate: true, handler() { this.from = performance.now(); this.heard(); this.tick(); } },
    duration() { this.chosen = null; },
  },
  mounted() { this.timer = setInterval(() => this.tick(), 500); },
  unmounted() { clearInterval(this.timer); },
  methods: {
    clock,
    choose(position) {
      this.now = position;
      this.chosen = { position, from: performance.now() };
    },
    heard() {
      if (this.chosen && Math.abs(this.since(this.chosen) - this.position) < NEAR_S) this.chosen = null;
    },
    tick() {
      if (this.held || document.hidden) return;
      if (this.chosen && performance.now() - this.chosen.from > PATIENCE_MS) this.chosen = null;
      this.now = this.since(this.chosen ?? { position: this.position, from: this.from });
    },
    since({ position, from }) {
      const passed = this.playing ? (performance.now() - from) / 1000 : 0;
      return Math.min(position + passed, this.duration || Infinity);
    },
  },
};
