// Reads a Parquet file with hyparquet, and writes its rows as lines of JSON: NODE_PATH=FOLDER node read.js FILE

const path = require('node:path');
const { pathToFileURL } = require('node:url');

// Packages of modules, which `require` cannot load.
const load = (name) => import(pathToFileURL(path.join(process.env.NODE_PATH, name)));

async function main(file) {
  const { asyncBufferFromFile, parquetReadObjects } = await load('hyparquet/src/node.js');
  const { compressors } = await load('hyparquet-compressors/src/index.js');
  // Its dates have milliseconds.
  const parsers = { timestampFromMicroseconds: (microseconds) => microseconds };
  const rows = await parquetReadObjects({ file: await asyncBufferFromFile(file), compressors, parsers });
  const cells = ({ app_id, openid, position, page, fetched_at }) =>
    JSON.stringify([app_id, openid, Number(position), page, Number(fetched_at)]);
  process.stdout.write(rows.map((row) => `${cells(row)}\n`).join(''));
}

main(process.argv[2]).catch((error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
