'use strict';
{
  const box = document.getElementById('stills');
  if (box) {
    const slider = document.getElementById('slider');
    const stills = [...box.querySelectorAll('.still')];
    const move = () => {
      box.style.setProperty('--cut', slider.value + '%');
      slider.setAttribute('aria-valuetext', slider.value + ' % of the picture shows before');
    };
    const choose = () => {
      const chosen = box.querySelector('input[name=still]:checked').value;
      for (const still of stills) still.hidden = still.dataset.still !== chosen;
    };
    const drag = event => {
      if (event.type === 'pointermove' && !event.buttons) return;
      const area = event.currentTarget.getBoundingClientRect();
      slider.value = Math.round(100 * (event.clientX - area.left) / area.width);
      move();
    };
    slider.addEventListener('input', move);
    for (const pair of box.querySelectorAll('.pair')) {
      pair.addEventListener('pointerdown', drag);
      pair.addEventListener('pointermove', drag);
    }
    for (const radio of box.querySelectorAll('input[name=still]')) radio.addEventListener('change', choose);
    document.getElementById('difference').addEventListener('change', e => box.classList.toggle('is-difference', e.target.checked));
    choose();
    move();
  }
}
