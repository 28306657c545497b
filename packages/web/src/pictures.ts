/** Models look at pictures of about this size; more costs time on the way and is thrown away there. */
const edgeMax = 2_000;
const bytesMax = 1_500_000;

/** A picture of a size that can be sent from a phone: a large one is made smaller, others stay as they are. */
export async function fitting(file: File): Promise<File> {
  if (!/^image\/(png|jpeg|webp|heic|heif)$/.test(file.type)) return file;
  const picture = await createImageBitmap(file).catch(() => undefined);
  if (picture === undefined) return file;
  const scale = Math.min(1, edgeMax / Math.max(picture.width, picture.height));
  if (scale === 1 && file.size <= bytesMax && !/hei[cf]$/.test(file.type)) return file;
  const canvas = new OffscreenCanvas(Math.round(picture.width * scale), Math.round(picture.height * scale));
  canvas.getContext("2d")?.drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  const blob = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.85 });
  return blob.size < file.size || /hei[cf]$/.test(file.type)
    ? new File([blob], file.name.replace(/\.\w+$/, ".jpg"), { type: "image/jpeg" })
    : file;
}
