try {
  const chosen = localStorage.getItem('workbench-theme');
  const dark = chosen ? chosen === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  const url = new URL(location);
  if (!url.searchParams.get('__theme')) {
    url.searchParams.set('__theme', dark ? 'dark' : 'light');
    history.replaceState(null, '', url);
  }
} catch (error) { /* no storage: Gradio follows the system's theme */ }
