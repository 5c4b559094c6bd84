// How far the song is. It runs on by itself between two words from the player.
const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

export default {
  template: `
    <div class="progress">
      <span data-testid="position">{{ clock(now) }}</span>
      <input type="range" min="0" :max="duration || 1" step="1" :value="now" :disabled="!duration" aria-label="Position"
             :aria-valuetext="clock(now)" :style="{ '--part': part }" data-testid="seek"
             @pointerdown="held = true" @pointerup="held = false" @input="now = Number($event.target.value)"
             @change="held = false; $emit('seek', Number($event.target.value))">
      <span>{{ duration ? clock(duration) : '–:––' }}</span>
    </div>`,
  props: { position: Number, duration: Number, playing: Boolean, stamp: String },
  emits: ["seek"],
  data: () => ({ now: 0, from: 0, held: false, timer: 0 }),
  computed: {
    part() { return this.duration ? Math.min(1, this.now / this.duration) : 0; },
  },
  watch: { stamp: { immediate: true, handler() { this.from = performance.now(); this.tick(); } } },
  mounted() { this.timer = setInterval(() => this.tick(), 500); },
  unmounted() { clearInterval(this.timer); },
  methods: {
    clock,
    tick() {
      if (this.held || document.hidden) return;
      const passed = this.playing ? (performance.now() - this.from) / 1000 : 0;
      this.now = Math.min(this.position + passed, this.duration || Infinity);
    },
  },
};
