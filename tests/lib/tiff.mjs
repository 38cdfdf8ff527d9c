// SPDX-License-Identifier: Apache-2.0
// Little TIFFs of pages of one grey each, in one strip a page, for tests of stacks.

// `greys`: the value of each page. `description`: of the first page. 8 bits a sample.
export function stackOf(greys, side, description = '') {
  const text = Buffer.from(`${description}\0`);
  const parts = [Buffer.from('49492a0008000000', 'hex')];
  let at = 8;
  greys.forEach((grey, page) => {
    const said = page === 0 && description !== '';
    const tags = [[256, 4, 1, side], [257, 4, 1, side], [258, 4, 1, 8], [259, 4, 1, 1], [262, 4, 1, 1]];
    const size = 2 + (said ? 9 : 8) * 12 + 4;
    const pixels = at + size + (said ? text.length + (text.length & 1) : 0);
    if (said) tags.push([270, 2, text.length, at + size]);
    tags.push([273, 4, 1, pixels], [278, 4, 1, side], [279, 4, 1, side * side]);
    const directory = Buffer.alloc(size);
    directory.writeUInt16LE(tags.length, 0);
    tags.forEach(([tag, type, count, value], i) => {
      directory.writeUInt16LE(tag, 2 + 12 * i);
      directory.writeUInt16LE(type, 4 + 12 * i);
      directory.writeUInt32LE(count, 6 + 12 * i);
      directory.writeUInt32LE(value, 10 + 12 * i);
    });
    at = pixels + side * side;
    directory.writeUInt32LE(page + 1 < greys.length ? at : 0, size - 4);
    parts.push(directory);
    if (said) parts.push(text, Buffer.alloc(text.length & 1));
    parts.push(Buffer.alloc(side * side, grey));
  });
  return Buffer.concat(parts);
}

// OME-XML of one image. `sizes`: { z, c, t }; `inside`: channels and TiffData.
export function ome(sizes, inside = '<TiffData/>', more = '') {
  const { z = 1, c = 1, t = 1 } = sizes;
  return '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
    + `<Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint8" SizeX="64" SizeY="64" SizeZ="${z}" SizeC="${c}" SizeT="${t}" ${more}>`
    + `${inside}</Pixels></Image></OME>`;
}
