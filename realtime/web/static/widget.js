/**
 * Plenum inside another page, as two elements. The page's origin must be in the server's PLENUM_EMBED_ORIGINS.
 *
 *     <script src="(your server)/widget.js" async></script>
 *     <plenum-session code="K7MQ2X"></plenum-session>                         a participant's place
 *     <plenum-results session="…" ticket="…" activity="…"></plenum-results>   a live result; activity: else the one in focus
 *
 * `server` names another server than the script's own, `label` says what the frame is, `height` (CSS) fixes its height.
 * The ticket of <plenum-results> is read by everybody who reads the page: give it a display ticket (the big screen's).
 */

(() => {
  const home = document.currentScript ? new URL(document.currentScript.src).origin : location.origin;
  const MOST_PX = 4_000;
  const LEAST_PX = 80;

  class Embedded extends HTMLElement {
    #frame = null;
    #hear = (event) => this.#measure(event);

    connectedCallback() {
      const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
      this.#frame = document.createElement("iframe");
      Object.assign(this.#frame, { title: this.getAttribute("label") ?? this.label, src: this.address(), loading: "lazy", allow: "fullscreen" });
      Object.assign(this.#frame.style, { display: "block", width: "100%", border: "0", height: this.getAttribute("height") ?? this.height, colorScheme: "normal" });
      if (this.style.display === "") this.style.display = "block";
      root.replaceChildren(this.#frame);
      addEventListener("message", this.#hear);
    }

    disconnectedCallback() {
      removeEventListener("message", this.#hear);
    }

    attributeChangedCallback() {
      if (this.#frame && this.isConnected) this.connectedCallback();
    }

    get server() {
      return new URL(this.getAttribute("server") ?? home, location.href).origin;
    }

    /** Only what the own frame says of its own height is believed, within bounds. */
    #measure({ source, origin, data }) {
      if (source !== this.#frame?.contentWindow || origin !== this.server || this.hasAttribute("height")) return;
      if (data?.type === "plenum.height" && Number.isFinite(data.height)) this.#frame.style.height = `${Math.max(LEAST_PX, Math.min(MOST_PX, data.height))}px`;
    }
  }

  class PlenumSession extends Embedded {
    static observedAttributes = ["code", "server"];
    label = "Plenum: take part";
    height = "44rem";

    address() {
      return `${this.server}/embed/session#${encodeURIComponent(this.getAttribute("code") ?? "")}`;
    }
  }

  class PlenumResults extends Embedded {
    static observedAttributes = ["session", "ticket", "activity", "server"];
    label = "Plenum: live result";
    height = "24rem";

    address() {
      const given = ["session", "ticket", "activity"].filter((name) => this.hasAttribute(name)).map((name) => [name, this.getAttribute(name)]);
      return `${this.server}/embed/results#${new URLSearchParams(given)}`;
    }
  }

  if (!customElements.get("plenum-session")) customElements.define("plenum-session", PlenumSession);
  if (!customElements.get("plenum-results")) customElements.define("plenum-results", PlenumResults);
})();
