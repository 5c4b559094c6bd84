// One group of bars per face; each bar glides from one value to the next.
export default {
  template: `
    <div class="faces">
      <section v-for="face in faces" :key="face.id" class="face" :aria-label="face.title" data-testid="face">
        <h3>{{ face.title }}</h3>
        <div v-for="bar in face.bars" :key="bar.label" class="bar" :class="{ top: bar.top }" role="meter"
             data-testid="expression-bar" :data-label="bar.label" :aria-label="bar.word"
             aria-valuemin="0" aria-valuemax="100" :aria-valuenow="bar.percent">
          <span class="bar-word">{{ bar.word }}</span>
          <span class="bar-track"><span class="bar-fill" :style="fill(bar)"></span></span>
          <span class="bar-value">{{ bar.percent }}</span>
        </div>
      </section>
      <p v-if="!faces.length" class="quiet" data-testid="no-face">{{ note }}</p>
    </div>`,
  props: { faces: { type: Array, default: () => [] }, note: String },
  methods: {
    fill: (bar) => ({ transform: `scaleX(${Math.max(bar.percent, 1) / 100})`, background: bar.colour }),
  },
};
