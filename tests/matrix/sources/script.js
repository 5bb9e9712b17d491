// JavaScript under node with a perf map: names come from what the engine writes there, which knows where a function begins.
// So the line marked is that of the function.
const fs = require('fs');

function look(name) { // EXPECT looked STACK look
  try { fs.readFileSync(name); } catch { /* expected */ }
}
class Shop {
  open(name) { // EXPECT method STACK open
    try { fs.openSync(name); } catch { /* expected */ }
  }
}
const shop = new Shop();
// Not before the engine has written where the code lies are there names.
for (let i = 0; i < 2000; i++) {
  look('/matrix/looked');
  shop.open('/matrix/method');
}
