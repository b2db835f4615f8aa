// Sends the answer on at once; without scripts the person presses the button.
document.querySelector("form[data-send]").requestSubmit();
