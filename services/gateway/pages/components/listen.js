// The music in this tab. The player's own module makes the sound; here is what a person sees of it.
export default {
  template: `
    <button v-if="blocked" type="button" class="button primary" data-testid="listen" @click="claim">
      <q-icon name="volume_up" size="20px"></q-icon><span>Click to listen here</span>
    </button>
    <button v-else-if="elsewhere" type="button" class="button" data-testid="listen-here" @click="claim">
      <q-icon name="volume_up" size="20px"></q-icon><span>Play in this tab</span>
    </button>
    <span v-else-if="state.active" class="quiet with-icon" data-testid="listening">
      <q-icon name="volume_up" size="18px"></q-icon><span>{{ state.error || "Playing in this tab" }}</span>
    </span>`,
  props: { room: String },
  data: () => ({ state: {}, player: null }),
  computed: {
    can() { return Boolean(this.state.connected && this.state.available !== false); },
    blocked() { return this.can && Boolean(this.state.blocked); },
    elsewhere() { return this.can && !this.state.active; },
  },
  watch: { room() { this.start(); } },
  mounted() { this.start(); },
  unmounted() { this.player?.stop(); },
  methods: {
    async start() {
      if (!this.room || this.player) return;
      try {
        const module = await import("/api/players/browser.js");
        this.player ??= module.startPlayer({ room: this.room, base: "", onState: (state) => (this.state = { ...state }) });
      } catch (error) {
        console.warn("moodring: the player's module did not load", error);
      }
    },
    claim() { this.player?.claim(); },
  },
};
