const charts = JSON.parse(document.getElementById('charts').textContent);
const config = {responsive: true, displaylogo: false, showSendToCloud: false, modeBarButtonsToRemove: ['select2d', 'lasso2d']};
for (const [name, figure] of Object.entries(charts)) Plotly.newPlot(`chart-${name}`, figure.data, figure.layout, config);

function save(text, type, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], {type}));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

document.addEventListener('click', event => {
  const {chart, format, csv} = event.target.dataset;
  if (chart) Plotly.downloadImage(`chart-${chart}`, {format, filename: chart, width: 1000, height: charts[chart].layout.height, scale: 2});
  // the mark at the start tells Excel that this is UTF-8
  if (csv) save('\ufeff' + JSON.parse(document.getElementById('csv').textContent), 'text/csv', 'pairs.csv');
});
