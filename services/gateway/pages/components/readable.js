// How many of the faces in front of a camera can be read: one bar, the usable part first, and what to do about the rest.
export default {
  template: `
    <div class="yield" v-if="text" data-testid="yield">
      <div class="yield-bar" role="img" :aria-label="text">
        <span v-for="part in parts" :key="part.word" :class="part.kind" :style="{ flexGrow: part.count }"
              :title="part.word + ': ' + part.percent + ' %'" data-testid="yield-part"></span>
      </div>
      <p>{{ text }}</p>
    </div>`,
  props: { text: String, parts: { type: Array, default: () => [] } },
};
