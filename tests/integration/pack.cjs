// Packs a code folder as `s deploy` does: node pack.cjs FOLDER OUTPUT_FOLDER FILE_NAME
"use strict";

const { default: zip } = require("@serverless-devs/zip");

const [codeUri, outputFilePath, outputFileName] = process.argv.slice(2);
zip({ codeUri, outputFilePath, outputFileName, ignoreFiles: [".fcignore"], logger: console });
