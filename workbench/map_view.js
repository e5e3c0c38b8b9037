// The part of a chart that is a map: what moves its points, and what chooses some. It stands in the chart's own script
// (plotly_view.py), which gives it element, host, gd, props, trigger and watch.
const part = name => element.querySelector(name);
const play = part('.play'), slider = part('input'), choose = part('.choose'), chosen = part('.chosen'), forget = part('.forget');
let moving = [], now = 1, frame = 0, shown = 1, lasso = false;

// While the points move they are drawn here and not by Plotly, which takes 10 to 40 times as long for a frame: it works the
// whole chart out anew. As soon as they rest Plotly draws them where they are.
const REST = 200;                                              // ms without a movement
const still = part('.still'), points = part('.points');
// Plotly's own shapes, for a radius of 1
const SHAPES = {
  'circle': 'M1,0A1,1 0 1,1 0,-1A1,1 0 0,1 1,0Z', 'square': 'M1,1H-1V-1H1Z', 'diamond': 'M1.3,0L0,1.3L-1.3,0L0,-1.3Z',
  'cross': 'M1.2,.4H.4V1.2H-.4V.4H-1.2V-.4H-.4V-1.2H.4V-.4H1.2Z', 'triangle-up': 'M-1.15,.5H1.15L0,-1Z',
  'triangle-down': 'M-1.15,-.5H1.15L0,1Z', 'pentagon': 'M.95,-.31L.59,.81H-.59L-.95,-.31L0,-1Z',
  'star': 'M.31,-.43H1.33L.51,.17L.82,1.13L0,.53L-.82,1.13L-.51,.17L-1.33,-.43H-.31L0,-1.4Z',
};
let rest = 0, stillOf = '';
const mix = (from, to) => from.map((value, index) => value + (to[index] - value) * now);
const isDrawn = trace => trace.visible === undefined || trace.visible === true;
// both axes as lines, pixel = start + scale * value, within the plot
const axes = () => [gd._fullLayout.xaxis, gd._fullLayout.yaxis].map(axis => {
  const [low, high] = axis.range, down = axis._id === 'y';
  const scale = axis._length / (high - low) * (down ? -1 : 1);
  return {scale, start: down ? -high * scale : -low * scale, offset: axis._offset, length: axis._length};
});
const brush = (canvas, [x, y], fine) => {
  const [width, height] = [Math.round(x.length * fine), Math.round(y.length * fine)];
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, {width, height});
  Object.assign(canvas.style, {left: `${host.offsetLeft + x.offset}px`, top: `${host.offsetTop + y.offset}px`, width: `${x.length}px`, height: `${y.length}px`});
  const pen = canvas.getContext('2d');
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.setTransform(fine, 0, 0, fine, 0, 0);
  pen.globalAlpha = 1;
  return pen;
};
const paintStill = (x, y, fine) => {                           // what does not move: lines, and circles at places before
  const pen = brush(still, [x, y], fine);
  for (const trace of gd.data.filter(one => !one.meta?.from && isDrawn(one))) {
    const lines = trace.mode === 'lines', style = lines ? trace.line : trace.marker;
    pen.globalAlpha = trace.opacity ?? 1;
    pen.strokeStyle = style.color;
    pen.lineWidth = style.width ?? 1;
    pen.beginPath();
    for (let at = 0, on = false; at < trace.x.length; at++) {
      if (trace.x[at] === null) { on = false; continue; }
      const across = x.start + x.scale * trace.x[at], down = y.start + y.scale * trace.y[at];
      if (!lines) { pen.moveTo(across + style.size / 2, down); pen.arc(across, down, style.size / 2, 0, 7); }
      else if (on) pen.lineTo(across, down);
      else pen.moveTo(across, down);
      on = true;
    }
    pen.stroke();
  }
};
const paint = () => {
  const [x, y] = axes(), fine = devicePixelRatio || 1;
  const of = JSON.stringify([x, y, fine, gd.data.map(isDrawn)]);
  if (of !== stillOf) paintStill(x, y, fine);
  stillOf = of;
  const pen = brush(points, [x, y], fine), some = moving.some(one => gd.data[one.index].selectedpoints);
  for (const {index, from, to} of moving) {
    const trace = gd.data[index], {color, symbol, size} = trace.marker, picked = new Set(trace.selectedpoints);
    if (!isDrawn(trace)) continue;
    const shape = new Path2D();
    shape.addPath(new Path2D(SHAPES[symbol]), new DOMMatrix().scale(size / 2));
    pen.fillStyle = color;
    for (let at = 0; at < to[0].length; at++) {
      const across = x.start + x.scale * (from[0][at] + (to[0][at] - from[0][at]) * now);
      const down = y.start + y.scale * (from[1][at] + (to[1][at] - from[1][at]) * now);
      if (some) pen.globalAlpha = picked.has(at) ? 1 : .2;
      pen.setTransform(fine, 0, 0, fine, across * fine, down * fine);
      pen.fill(shape);
    }
  }
  host.parentElement.classList.add('in-motion');
};
const settle = () => {
  rest = 0;
  shown = now;
  const places = axis => moving.map(one => mix(one.from[axis], one.to[axis]));
  window.__workbenchPlotly.restyle(gd, {x: places(0), y: places(1)}, moving.map(one => one.index))
    .then(() => { if (!rest) host.parentElement.classList.remove('in-motion'); });
};
const place = () => {
  frame = 0;
  if (!gd || (shown === now && !rest)) return;
  paint();
  clearTimeout(rest);
  rest = setTimeout(settle, REST);
};
ready = figure => {
  moving = figure.data.flatMap((trace, index) => trace.meta?.from ? [{index, from: trace.meta.from, to: [trace.x, trace.y]}] : []);
  for (const {index, from, to} of moving) Object.assign(figure.data[index], {x: mix(from[0], to[0]), y: mix(from[1], to[1])});
  shown = now;
  stillOf = '';
  if (gd && gd.layout.uirevision === figure.layout.uirevision)  // Plotly keeps no zoom where both axes have one scale
    for (const axis of ['xaxis', 'yaxis']) figure.layout[axis].range = [...gd.layout[axis].range];
  figure.layout.dragmode = lasso ? 'lasso' : 'zoom';
  figure.config = {modeBarButtonsToRemove: ['autoScale2d', 'zoomIn2d', 'zoomOut2d', 'select2d', 'lasso2d']};
};
const move = value => {
  now = value;
  slider.value = value;
  slider.setAttribute('aria-valuetext', value === 0 ? 'before' : value === 1 ? 'after' : `${Math.round(value * 100)} % of the way`);
  if (!frame) frame = requestAnimationFrame(place);
};
slider.addEventListener('input', () => { turn = 0; move(Number(slider.value)); });
let turn = 0;
play.addEventListener('click', () => {
  const mine = turn = Math.random(), start = performance.now();
  if (matchMedia('(prefers-reduced-motion: reduce)').matches) { move(now === 1 ? 0 : 1); return; }
  const step = time => {
    if (turn !== mine) return;
    const gone = Math.min(1, Math.max(0, (time - start) / 1800));
    move(gone < .5 ? 2 * gone * gone : 1 - (2 - 2 * gone) ** 2 / 2);
    if (gone < 1) requestAnimationFrame(step);
  };
  move(0);
  requestAnimationFrame(step);
});
choose.addEventListener('click', () => {
  lasso = !lasso;
  choose.setAttribute('aria-pressed', lasso);
  if (gd) window.__workbenchPlotly.relayout(gd, {dragmode: lasso ? 'lasso' : 'zoom'});
});
pick = index => {
  const many = new Set(index).size, texts = many === 1 ? '1 text' : `${many.toLocaleString('en')} texts`;
  chosen.textContent = many ? `${texts} chosen: the table of pairs above shows theirs.` : '';
  forget.hidden = !many;
  trigger('select', {index});
};
const letGo = () => { if (gd) window.__workbenchPlotly.update(gd, {selectedpoints: [null]}, {selections: []}); };
forget.addEventListener('click', () => { letGo(); pick([]); choose.focus(); });
element.addEventListener('forget', () => { if (!forget.hidden) { letGo(); chosen.textContent = ''; forget.hidden = true; } });
new ResizeObserver(() => {   // the page may give the chart another height than its own: then all of it is shown at that size
  if (!gd || !host.clientHeight || Math.abs(host.clientHeight - gd.layout.height) < 2) return;
  const {xaxis, yaxis} = JSON.parse(props.value).layout;
  window.__workbenchPlotly.relayout(gd, {height: host.clientHeight, 'xaxis.range': xaxis.range, 'yaxis.range': yaxis.range});
}).observe(host);
