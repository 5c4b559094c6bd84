// The valence-arousal plane: the room's mood is the full dot, the song that plays the ring.
const SIZE = 240;
const RADIUS = 92;
const place = (point) => ({
  transform: `translate(${SIZE / 2 + point.valence * RADIUS}px, ${SIZE / 2 - point.arousal * RADIUS}px)`,
});

export default {
  template: `
    <svg class="plane" viewBox="0 0 240 240" role="img" :aria-label="text" data-testid="plane">
      <circle cx="120" cy="120" r="92" class="rim"></circle>
      <circle cx="120" cy="120" r="46" class="rim inner"></circle>
      <path d="M28 120H212M120 28V212" class="axis"></path>
      <text x="120" y="17" class="end" text-anchor="middle">excited</text>
      <text x="120" y="233" class="end" text-anchor="middle">calm</text>
      <text x="22" y="124" class="end" text-anchor="middle" transform="rotate(-90 18 120)">unpleasant</text>
      <text x="222" y="124" class="end" text-anchor="middle" transform="rotate(90 222 120)">pleasant</text>
      <g v-for="mood in moods" :key="mood.word" :style="place(mood)">
        <circle r="2" class="reference"></circle>
      </g>
      <g v-if="song" :style="place(song)" class="moves" data-testid="plane-song"><circle r="11" class="song"></circle></g>
      <g v-if="mood" :style="place(mood)" class="moves" data-testid="plane-mood">
        <circle r="16" class="halo"></circle><circle r="7" class="dot"></circle>
      </g>
    </svg>`,
  props: { text: String, mood: Object, song: Object, moods: { type: Array, default: () => [] } },
  methods: { place },
};
