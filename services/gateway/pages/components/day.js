// The last 24 hours as a strip of moods: one part for each stretch of one mood, minutes from left to right.
const MINUTES = 24 * 60;
const clock = (ms) => new Date(ms).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

export default {
  template: `
    <div class="day">
      <svg viewBox="0 0 1440 40" preserveAspectRatio="none" role="img" :aria-label="text" data-testid="day">
        <rect width="1440" height="40" class="ground"></rect>
        <rect v-for="part in parts" :key="part.from" :x="part.from" :width="part.minutes" height="40"
          :fill="part.colour" :data-mood="part.mood" data-testid="day-part">
          <title>{{ said(part) }}</title>
        </rect>
      </svg>
      <div class="hours" aria-hidden="true">
        <span v-for="hour in hours" :key="hour.text" :style="{ left: hour.left }">{{ hour.text }}</span>
      </div>
    </div>`,
  props: { text: String, start: Number, parts: { type: Array, default: () => [] } },
  computed: {
    hours() {
      const first = new Date(this.start);
      first.setHours(Math.ceil((first.getHours() + 1) / 6) * 6, 0, 0, 0);
      const times = [0, 1, 2, 3].map((step) => first.getTime() + step * 6 * 3600000);
      return times.map((ms) => ({ text: clock(ms), left: `${((ms - this.start) / 60000 / MINUTES) * 100}%` }));
    },
  },
  methods: {
    said(part) {
      const at = (minute) => clock(this.start + minute * 60000);
      return `${part.word}, ${at(part.from)}–${at(part.from + part.minutes)}`;
    },
  },
};
