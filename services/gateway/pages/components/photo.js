// A picture for the expression reader: chosen, taken with the phone, or dropped here. It goes straight to REST.
export default {
  template: `
    <div class="preview photo" :class="{ over }" @dragover.prevent="over = true" @dragleave="over = false" @drop.prevent="drop">
      <img v-if="picture" :src="picture" alt="The picture, with the faces that were found framed" data-testid="photo-picture">
      <div v-else class="preview-note" role="status">
        <q-icon name="add_a_photo" size="36px"></q-icon>
        <span>{{ problem || "Drop a picture here. It is read on the machine that Moodring runs on, and not kept." }}</span>
      </div>
      <label class="button primary choose" :class="{ busy }">
        <q-icon :name="busy ? 'hourglass_top' : 'photo_camera'" size="20px"></q-icon>
        <span>{{ busy ? "Reading …" : picture ? "Another picture" : "Choose a picture" }}</span>
        <input type="file" accept="image/jpeg,image/png" :disabled="busy" data-testid="photo-file" @change="choose">
      </label>
    </div>`,
  props: { room: String },
  emits: ["read", "refused"],
  data: () => ({ picture: "", problem: "", busy: false, over: false }),
  methods: {
    choose(event) {
      const [file] = event.target.files;
      event.target.value = "";  // so that the same file can be chosen again
      if (file) this.send(file);
    },
    drop(event) {
      this.over = false;
      const [file] = event.dataTransfer.files;
      if (file && !this.busy) this.send(file);
    },
    async send(file) {
      this.busy = true;
      this.problem = "";
      try {
        const body = new FormData();
        body.append("photo", file);
        const response = await fetch(`/api/expressions?picture=true&room=${this.room}`, { method: "POST", body });
        const answer = await response.json().catch(() => ({}));
        if (!response.ok) throw new Error(typeof answer.detail === "string" ? answer.detail : `That did not work (error ${response.status}).`);
        const { picture, ...said } = answer;
        this.picture = `data:image/jpeg;base64,${picture}`;
        this.$emit("read", said);
      } catch (error) {
        this.problem = error instanceof TypeError ? "Nothing answers. Try again in a moment." : error.message;
        this.picture = "";
        this.$emit("refused");
      } finally {
        this.busy = false;
      }
    },
  },
};
