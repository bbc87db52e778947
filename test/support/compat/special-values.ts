/** Values that clients send and readers change: the properties of one event, as a JSON text. */

/** Beyond 2^53, where JavaScript rounds. */
export const LARGE_INTEGER = '9007199254740993';

const DEEP = 12;

export const SPECIAL_PROPERTIES =
  `{"large":${LARGE_INTEGER},"larger":1234567890123456789,"small":1e-7,"decimal":0.1,"whole":1.0,` +
  `"emoji":"\u{1f389}","nul":"a\\u0000b","separator":"a\u2028b","slash":"</a>&","empty":"",` +
  `"nothing":null,"yes":true,"list":[1,"",null,[]],"object":{},` +
  `"deep":${'{"a":'.repeat(DEEP)}1${'}'.repeat(DEEP)}}`;
