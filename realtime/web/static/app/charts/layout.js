/** Where the words of a cloud stand: pure, from widths and heights. */

const TURN = 0.35;
const STEP = 2.2;
const TRIES = 900;

/**
 * Places boxes round the middle, the first ones nearest to it; none overlaps another. A box that finds no room is left out.
 *
 * @param {{width: number, height: number}[]} boxes
 * @param {number} aspect width by height of the cloud
 * @returns {({x: number, y: number}|null)[]} the middle of each box, the middle of the cloud being 0, 0
 */
export function layOut(boxes, aspect = 1.7) {
  const placed = [];
  return boxes.map((box, i) => {
    for (let turn = 0; turn < TRIES; turn += 1) {
      const angle = turn * TURN + i;
      const radius = STEP * Math.sqrt(turn) * 2;
      const x = radius * Math.cos(angle) * aspect;
      const y = radius * Math.sin(angle);
      const next = { left: x - box.width / 2, right: x + box.width / 2, top: y - box.height / 2, bottom: y + box.height / 2 };
      if (placed.some((other) => next.left < other.right && next.right > other.left && next.top < other.bottom && next.bottom > other.top)) continue;
      placed.push(next);
      return { x, y };
    }
    return null;
  });
}
