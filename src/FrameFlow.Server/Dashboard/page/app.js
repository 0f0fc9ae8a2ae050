'use strict';
// The dashboard: films and the machine come as server-sent events, read with fetch, since EventSource cannot carry the token.
const $ = id => document.getElementById(id);
const places = 5;
let token = sessionStorage.getItem('frameflow-token') || '';
let jobs = [];
let chosen = null, place = 2, shown = '', pictures = [];

const given = new URLSearchParams(location.hash.slice(1)).get('token');
if (given) {
  token = given;
  sessionStorage.setItem('frameflow-token', token);
  history.replaceState(null, '', location.pathname);
}

const headers = () => token ? { Authorization: 'Bearer ' + token } : {};
const words = { waiting: 'waiting', running: 'running', retrying: 'will be tried again', done: 'done', duplicate: 'same content as another', quarantined: 'in quarantine', cancelled: 'cancelled', gone: 'gone' };

function toast(text) {
  $('toast').textContent = text;
  $('toast').hidden = false;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => { $('toast').hidden = true; }, 6000);
}

function bytes(n) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let i = 0;
  while (n >= 1024 && i < units.length - 1) { n /= 1024; i++; }
  return n.toFixed(i ? 1 : 0) + ' ' + units[i];
}

function duration(s) {
  s = Math.round(s);
  const h = Math.floor(s / 3600), m = Math.floor(s / 60) % 60;
  return h ? `${h} h ${m} min` : m ? `${m} min ${s % 60} s` : `${s} s`;
}

function element(tag, properties = {}, ...children) {
  const e = Object.assign(document.createElement(tag), properties);
  e.append(...children);
  return e;
}

async function change(id, what) {
  const answer = await fetch(`/api/jobs/${id}/${what}`, { method: 'POST', headers: headers() }).catch(() => null);
  if (answer && answer.status === 401) { askToken(); return; }
  if (!answer || !answer.ok) { toast(answer ? (await answer.json()).error : 'The server cannot be reached.'); return; }
  const job = await answer.json();
  jobs = jobs.map(j => j.id === id ? job : j);
  showJobs();
}

function facts(job) {
  const parts = [job.recipe, bytes(job.bytes)];
  if (job.frames) parts.push(`${job.framesDone} of ${job.frames} frames`);
  if (job.segments > 1) parts.push(`${job.segments} segments`);
  if (job.framesPerSecond) parts.push(`${job.framesPerSecond.toFixed(1)} frames/s`);
  if (job.secondsLeft != null) parts.push(`${duration(job.secondsLeft)} left`);
  if (job.steps.length) parts.push(job.steps.join(', '));
  if (job.begunAt && job.endedAt) parts.push(`took ${duration((new Date(job.endedAt) - new Date(job.begunAt)) / 1000)}`);
  return parts.join(' · ');
}

// Rows are kept and only their changing parts replaced, so that focus stays where it is.
const rows = new Map();
function row(job) {
  const r = { state: element('span'), facts: element('p', { className: 'facts' }), fault: element('p', { className: 'facts fault' }), progress: element('progress'), buttons: element('div', { className: 'buttons' }) };
  r.name = element('button', { type: 'button', className: 'name', textContent: job.name });
  r.name.addEventListener('click', () => choose(job.id));
  r.progress.setAttribute('aria-label', 'Progress of ' + job.name);
  for (const [what, label] of [['pause', 'Pause'], ['resume', 'Go on'], ['retry', 'Try again'], ['cancel', 'Cancel']]) {
    r[what] = element('button', { type: 'button', textContent: label });
    r[what].setAttribute('aria-label', `${label}: ${job.name}`);
    r[what].addEventListener('click', () => {
      if (what !== 'cancel' || confirm(`Cancel ${job.name}? What is done so far is not published.`)) change(job.id, what);
    });
    r.buttons.append(r[what]);
  }
  r.priority = element('select');
  r.priority.setAttribute('aria-label', 'Priority of ' + job.name);
  for (const p of ['high', 'normal', 'low']) r.priority.append(element('option', { value: p, textContent: p + ' priority' }));
  r.priority.addEventListener('change', () => change(job.id, 'priority/' + r.priority.value));
  r.buttons.append(r.priority);
  r.item = element('li', { id: 'job-' + job.id }, element('div', { className: 'top' }, r.name, r.state), r.progress, r.facts, r.fault, r.buttons);
  return r;
}

function showJobs() {
  const list = $('jobs');
  const present = new Set(jobs.map(j => j.id));
  for (const [id, r] of rows) if (!present.has(id)) { r.item.remove(); rows.delete(id); }
  jobs.forEach((job, i) => {
    let r = rows.get(job.id);
    if (!r) rows.set(job.id, r = row(job));
    if (list.children[i] !== r.item) list.insertBefore(r.item, list.children[i] || null);
    const open = ['waiting', 'running', 'retrying'].includes(job.state);
    r.item.className = job.id === chosen ? 'chosen' : '';
    r.state.textContent = job.isPaused && open ? 'paused' : words[job.state];
    r.state.className = 'state ' + job.state;
    r.facts.textContent = facts(job);
    r.fault.textContent = job.fault || '';
    r.fault.hidden = !job.fault;
    r.progress.hidden = !(open && job.frames);
    r.progress.max = job.frames || 1;
    r.progress.value = job.framesDone;
    r.pause.hidden = !open || job.isPaused;
    r.resume.hidden = !(open && job.isPaused);
    r.cancel.hidden = !open;
    r.retry.hidden = !['quarantined', 'cancelled', 'retrying'].includes(job.state);
    r.priority.hidden = !open;
    if (document.activeElement !== r.priority) r.priority.value = job.priority;
  });
  $('empty').hidden = jobs.length > 0;
  const count = s => jobs.filter(j => s.includes(j.state)).length;
  const speed = jobs.reduce((sum, j) => sum + j.framesPerSecond, 0);
  $('summary').textContent = `${count(['running'])} running, ${count(['waiting', 'retrying'])} waiting, ${count(['done'])} done, ${count(['quarantined'])} in quarantine` + (speed ? ` · ${speed.toFixed(1)} frames/s` : '');
  document.title = count(['running', 'waiting']) ? `(${count(['running', 'waiting'])}) FrameFlow` : 'FrameFlow';
  showDetail();
}

function choose(id) {
  chosen = chosen === id ? null : id;
  place = 2;
  shown = '';
  showJobs();
  if (chosen) $('detail-close').focus({ preventScroll: false });
}

async function fetched(url) {
  const answer = await fetch(url, { headers: headers() }).catch(() => null);
  return answer && answer.ok ? URL.createObjectURL(await answer.blob()) : null;
}

async function showDetail() {
  const job = jobs.find(j => j.id === chosen);
  $('detail').hidden = !job;
  document.querySelector('main').className = job ? 'open' : '';
  if (!job) { shown = ''; return; }
  $('detail-name').textContent = job.name;
  $('report').hidden = !job.hasReport;
  $('report').href = `/api/jobs/${job.id}/report`;
  $('detail-facts').textContent = [words[job.state], facts(job)].join(' · ');
  const now = [job.id, place, job.state, job.framesDone === job.frames ? 1 : Math.floor(places * job.framesDone / Math.max(1, job.frames)), job.failures].join();
  if (now === shown) return;
  shown = now;
  const [before, after, log] = await Promise.all([
    fetched(`/api/jobs/${job.id}/frames/${place}/before`), fetched(`/api/jobs/${job.id}/frames/${place}/after`),
    fetch(`/api/jobs/${job.id}/log`, { headers: headers() }).then(a => a.ok ? a.text() : '').catch(() => ''),
  ]);
  if (chosen !== job.id) return;
  pictures.forEach(URL.revokeObjectURL);
  pictures = [before, after].filter(p => p);
  $('compare').hidden = !(before && after);
  $('no-pictures').hidden = !!(before && after);
  if (before && after) { $('before').src = before; $('after').src = after; }
  $('log').textContent = log || 'Nothing yet.';
}

function split() {
  const at = $('slider').value;
  $('before').style.clipPath = `inset(0 ${100 - at}% 0 0)`;
  $('split').style.left = at + '%';
}

for (let i = 0; i < places; i++) {
  const b = element('button', { type: 'button', textContent: Math.round(100 * (i + .5) / places) + ' %' });
  b.addEventListener('click', () => { place = i; mark(); showDetail(); });
  $('places').append(b);
}
function mark() { [...$('places').children].forEach((b, i) => b.setAttribute('aria-pressed', i === place)); }
mark();
$('slider').addEventListener('input', split);
$('pictures').addEventListener('pointermove', e => {
  if (e.buttons || e.pointerType === 'mouse') {
    const box = $('pictures').getBoundingClientRect();
    $('slider').value = 100 * (e.clientX - box.left) / box.width;
    split();
  }
});
// A link carries no token: where one is needed, the report is fetched with it and saved; it is one file.
$('report').addEventListener('click', async e => {
  if (/^(localhost|127\..*|\[::1\])$/.test(location.hostname)) return;
  e.preventDefault();
  const name = $('detail-name').textContent.split('/').pop() + '.html', page = await fetched($('report').href);
  if (!page) { toast('The report cannot be fetched.'); return; }
  element('a', { href: page, download: name }).click();
  URL.revokeObjectURL(page);
});
$('detail-close').addEventListener('click', () => { const back = chosen; choose(chosen); rows.get(back)?.name.focus(); });
document.addEventListener('keydown', e => { if (e.key === 'Escape' && chosen && !$('token-dialog').open) $('detail-close').click(); });

function askToken() {
  $('token-input').value = '';
  $('token-dialog').showModal();
}
$('token-button').addEventListener('click', askToken);
$('token-dialog').addEventListener('close', () => {
  if ($('token-dialog').returnValue === 'save' && $('token-input').value.trim()) {
    token = $('token-input').value.trim();
    sessionStorage.setItem('frameflow-token', token);
    toast('The token is used from now on.');
  }
});

function showMachine(m) {
  $('machine').textContent = `${m.name}: ${m.processors} processors, ${m.devices.join(' + ')}` + m.disks.map(d => ` · ${d.folder}: ${bytes(d.freeBytes)} free`).join('');
}

async function listen() {
  for (;;) {
    try {
      const answer = await fetch('/api/events', { headers: headers() });
      if (answer.status === 401) { $('summary').textContent = 'This address needs the token.'; if (!$('token-dialog').open) askToken(); throw new Error(); }
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = '';
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        const parts = (rest + value).split('\n\n');
        rest = parts.pop();
        for (const part of parts) {
          const data = JSON.parse(part.replace(/^data: /, ''));
          jobs = data.jobs;
          showMachine(data.machine);
          showJobs();
        }
      }
      $('summary').textContent = 'The server ended; waiting for it …';
    } catch (e) {
      console.warn(e);
      if (!$('summary').textContent.includes('token')) $('summary').textContent = 'The server cannot be reached; trying again …';
    }
    await new Promise(next => setTimeout(next, 2000));
  }
}
listen();
